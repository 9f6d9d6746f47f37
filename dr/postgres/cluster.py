"""A PostgreSQL server of our own as a context manager: restored copies, drills, the demo, tests.

A sandbox listens on no network at all: only on a socket in a private directory, whose permissions are its access
control. It ignores whatever the restored configuration says about addresses, archiving, standbys and other paths:
a copy that archived into the production's repository, or opened the production's data directory, would be a disaster.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from dr.errors import RecoveryFailed, ToolError
from dr.pipeline.launch import Account
from dr.pipeline.process import Child, run
from dr.postgres.account import account_for, make_directory
from dr.postgres.connection import with_database
from dr.postgres.installations import Installation
from dr.postgres.quiet import quiet_settings
from dr.postgres.sealing import UNSEALED, Seal, inside, sealed, try_seal
from dr.secret import Secret

SUPERUSER = "postgres"
_DEATH = "QUIT"
_SESSION = " ".join(
    f"-c {setting}"
    for setting in (
        "default_transaction_read_only=off",
        "statement_timeout=0",
        "lock_timeout=0",
        "idle_in_transaction_session_timeout=0",
        "row_security=on",
    )
)
"""What a restored database or role asks of every session must not stop us."""
_ISOLATION = {
    "listen_addresses": "",
    "archive_mode": "off",
    "archive_command": "",
    "primary_conninfo": "",
    "synchronous_standby_names": "",
    "external_pid_file": "",
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_line_prefix": "%m [%p] ",
    "log_min_messages": "warning",
    "lc_messages": "C",
    "ssl": "off",
    "shared_buffers": "128MB",
    "huge_pages": "try",
}


@dataclass(slots=True)
class Server:
    """A running server. ``boot_seconds`` runs from the start of the process to the first answered query.

    ``seal`` says what keeps it in, ``environment`` what of its settings this host cannot give it.
    """

    data_directory: Path
    url: Secret
    process: Child
    account: Account
    boot_seconds: float = 0.0
    replay_seconds: float = 0.0
    seal: Seal = UNSEALED
    environment: tuple[str, ...] = ()

    @property
    def inside(self) -> tuple[str, ...]:
        """What stands before a command that is to run where the server does; nothing when it is not sealed."""
        return inside(self.process.process.pid) if self.seal.network else ()

    def url_for(self, database: str) -> Secret:
        """The address of another database of this server."""
        return with_database(self.url, database)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to run a server: extra settings, superuser to connect as, and how long it may take to answer.

    ``isolated``: it listens nowhere and takes none of the paths of the restored configuration. ``sealed``: nothing
    gets out of it either, where the machine allows that, and nothing in it acts by itself.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    superuser: str = SUPERUSER
    deadline_seconds: float = 300
    isolated: bool = True
    sealed: bool = False


def create_cluster(
    data_directory: Path, installation: Installation, *arguments: str, in_service: bool = False
) -> Account:
    """``initdb`` a new cluster whose superuser is ``postgres``; returns the account that runs it.

    ``in_service``: people will be led to it, so nobody is let in without proof, and it is on the disk for good.
    """
    account = make_directory(data_directory)
    argv: tuple[str | Path, ...] = (
        installation.program("initdb"),
        f"--pgdata={data_directory}",
        f"--username={SUPERUSER}",
        *(("--auth-local=peer", "--auth-host=scram-sha-256") if in_service else ("--auth=trust", "--no-sync")),
        "--encoding=UTF8",
        "--data-checksums",
        *arguments,
    )
    ended, output = run("initdb", argv, account=account)
    if not ended.ok:
        raise ToolError(
            "a new cluster cannot be made", detail=f"{ended} {output[-500:]}", hint="Look at initdb's message."
        )
    return account


def _settings(recipe: Recipe, directory: Path, private: Path) -> dict[str, str]:
    """Settings given on the command line win over every file of the restored copy."""
    if not recipe.isolated:
        return dict(recipe.settings)
    (private / "pg_hba.conf").write_text("local all all trust\nlocal replication all trust\n", encoding="utf-8")
    (private / "pg_ident.conf").write_text("", encoding="utf-8")
    return {
        **_ISOLATION,
        "data_directory": str(directory),
        "hba_file": str(private / "pg_hba.conf"),
        "ident_file": str(private / "pg_ident.conf"),
        "unix_socket_directories": str(private),
        "unix_socket_permissions": "0700",
        "port": "5432",
        **recipe.settings,
    }


def _require_configuration(directory: Path, account: Account) -> None:
    """Distributions keep postgresql.conf outside the data directory, so a base backup may have none."""
    for name in ("postgresql.conf", "pg_hba.conf", "pg_ident.conf"):
        file = directory / name
        if not file.exists():
            file.write_text("", encoding="utf-8")
            if account.uid is not None and not account.namespace:
                shutil.chown(file, account.uid, account.gid)


@contextmanager
def running(data_directory: Path, installation: Installation, recipe: Recipe | None = None) -> Iterator[Server]:
    """Start the server, wait until it answers, and stop it again; the data directory stays."""
    recipe = recipe or Recipe()
    directory = data_directory.resolve()
    account = account_for(directory)
    with _private_directory(directory) as private:
        _require_configuration(directory, account)
        settings = _settings(recipe, directory, private)
        lacking: tuple[str, ...] = ()
        if recipe.sealed:
            quiet, lacking = quiet_settings(directory, installation)
            settings = {**quiet, **settings}
        argv: tuple[str, ...] = (str(installation.program("postgres")), "-D", str(directory))
        for name, value in settings.items():
            argv += ("-c", f"{name}={value}")
        seal = try_seal(account) if recipe.sealed else UNSEALED
        if seal.network:
            argv = sealed(argv, (private, *_beside(directory), installation.directory.parent), _DEATH)
        begin = time.monotonic()
        child = Child("postgres", argv, account=account, death_signal=_DEATH)
        server = Server(directory, _url(recipe, private), child, account, seal=seal, environment=lacking)
        try:
            _wait_until_answering(server, begin, recipe.deadline_seconds)
            yield server
        finally:
            stop(child)
            child.close()


def _beside(directory: Path) -> Iterator[Path]:
    """The data directory, its tablespaces and the WAL that is kept for it."""
    yield from (path for path in directory.parent.glob(f"{directory.name}*") if path.is_dir())


def _url(recipe: Recipe, private: Path) -> Secret:
    host = recipe.settings.get("listen_addresses") or str(private)
    port = recipe.settings.get("port", "5432")
    user = _quoted(recipe.superuser)
    return Secret(f"host={host} port={port} user={user} connect_timeout=5 options={_quoted(_SESSION)}")


def _quoted(value: str) -> str:
    """As libpq's key=value form takes it; a plain word as it is."""
    if value.isidentifier() and value.isascii():
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


@contextmanager
def _private_directory(owner_of: Path) -> Iterator[Path]:
    """A directory only the server's account can enter; short, because a socket's path may have 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="dr-pg-", dir="/tmp"))
    try:
        make_directory(path, owner_of)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _wait_until_answering(server: Server, begin: float, deadline_seconds: float) -> None:
    pause = 0.02
    while True:
        ended = server.process.poll()
        if ended is not None:
            raise RecoveryFailed(
                f"the server of {server.data_directory} does not start",
                detail=ended.stderr.strip()[-2000:],
                hint="The message above is PostgreSQL's own. A missing library or setting is this host's fault, "
                "not the backup's.",
            )
        if server.replay_seconds == 0 and "redo done at" in server.process.stderr_so_far():
            server.replay_seconds = time.monotonic() - begin
        with (
            contextlib.suppress(psycopg.OperationalError),
            psycopg.connect(server.url.reveal(), dbname="postgres") as probe,
        ):
            probe.execute("SELECT 1")
            server.boot_seconds = time.monotonic() - begin
            return
        if time.monotonic() - begin > deadline_seconds:
            raise RecoveryFailed(
                f"the server of {server.data_directory} does not answer after {deadline_seconds:.0f} s",
                detail=server.process.stderr_so_far()[-2000:],
                hint="Give it more time (a long replay), or look at its log.",
            )
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)


def stop(child: Child, deadline_seconds: float = 60) -> None:
    """Fast shutdown; immediate shutdown when that takes too long."""
    child.signal(signal.SIGINT)
    end = time.monotonic() + deadline_seconds
    while child.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    if child.poll() is None:
        child.signal(signal.SIGQUIT)
        child.wait(10)
