"""Make a data directory a replica of a running server, and bring one that has gone its own way back to it.

The password of the replication role goes into a password file in the data directory, which only the server's account
can read, and not into ``primary_conninfo``, which any superuser can see.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg

from dr.catalog.lsn import Lsn
from dr.catalog.wal_names import WalGeometry
from dr.errors import BackupInvalid, DrError, RecoveryFailed
from dr.pipeline.launch import Account
from dr.pipeline.process import is_running, run
from dr.postgres.account import account_for
from dr.postgres.connection import client_environment, display_name, parameters
from dr.postgres.control_data import control_data
from dr.postgres.installations import Installation
from dr.postgres.waldump import TransactionEnd, transaction_ends
from dr.secret import Secret

PASSWORDS = "dr_standby.pass"
AUTO = "postgresql.auto.conf"
_DEADLINE_SECONDS = 12 * 3600
_SETTING = re.compile(r"\s*([A-Za-z0-9_.]+)\s*=?\s*(.*)")
_UNDONE = ("restore_command", "recovery_target", "recovery_target_time", "recovery_target_lsn", "recovery_target_name")


def address_of(server: Secret, role: Secret) -> Secret:
    """The address of ``server`` with the role, the password, the database and the TLS settings of another address."""
    given = {key: value for key, value in parameters(role).items() if key not in ("host", "hostaddr", "port")}
    where = {key: value for key, value in parameters(server).items() if key in ("host", "hostaddr", "port")}
    return Secret(psycopg.conninfo.make_conninfo("", **given, **where))


def lay_standby(directory: Path, primary: Secret, slot: str, name: str) -> None:
    """Have the next start of ``directory`` follow ``primary`` through its slot, along whatever timeline it goes.

    ``name`` is what the primary calls it (synchronous_standby_names). The server must not run.
    """
    given = parameters(primary)
    password = given.pop("password", None)
    given.pop("dbname", None)
    given |= {"application_name": name}
    if password is not None:
        given["passfile"] = str(directory / PASSWORDS)
        _write(directory, PASSWORDS, _password_line(given, password))
    settings = {
        "primary_conninfo": psycopg.conninfo.make_conninfo("", **given),
        "primary_slot_name": slot,
        "recovery_target_timeline": "latest",
        # Where this one was in charge it may have waited for a replica that is now its primary.
        "synchronous_standby_names": "",
    }
    _set(directory, settings)
    (directory / "recovery.signal").unlink(missing_ok=True)
    _write(directory, "standby.signal", "")


def settle(directory: Path, settings: Mapping[str, str]) -> None:
    """Have these in ``postgresql.auto.conf`` from the next start on; whoever starts it by which configuration."""
    _set(directory, settings)


@contextmanager
def other_settings(directory: Path, aside: Path, settings: Mapping[str, str]) -> Iterator[None]:
    """Have these in ``postgresql.auto.conf`` inside; afterwards the file is as it was. The caller reloads.

    Not by ALTER SYSTEM: what is put back can hold a password, and a server may log its statements. ``aside`` is where
    the file lies meanwhile, and where the next attempt finds it after a crash. One of ``settings`` names its directory.
    """
    put_back_settings(directory, aside)
    text = (directory / AUTO).read_text(encoding="utf-8") if (directory / AUTO).exists() else ""
    _write(aside.parent, aside.name, text)
    _set(directory, settings)
    try:
        yield
    finally:
        put_back_settings(directory, aside)


def put_back_settings(directory: Path, aside: Path) -> bool:
    """Have ``postgresql.auto.conf`` as it was before ``other_settings``; whether an attempt had left it changed.

    One that somebody has written since, which does not speak of the directory of ``aside`` any more, stays as it is.
    """
    if not aside.exists():
        return False
    file = directory / AUTO
    changed = file.exists() and str(aside.parent) in file.read_text(encoding="utf-8")
    if changed:
        _write(directory, AUTO, aside.read_text(encoding="utf-8"))
    aside.unlink()
    return changed


def slot_in_use(directory: Path) -> str:
    """The slot through which a directory follows, or followed before it took over; empty when it names none."""
    file = directory / AUTO
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    named = [
        match[2].strip().strip("'")
        for line in lines
        if (match := _SETTING.match(line)) is not None and match[1].lower() == "primary_slot_name"
    ]
    return named[-1] if named else ""


def forget_primary(directory: Path) -> None:
    """Take the password file away: a server that has taken over follows nobody."""
    (directory / PASSWORDS).unlink(missing_ok=True)


def _password_line(given: Mapping[str, str], password: str) -> str:
    fields = (given.get("host", "*"), given.get("port", "*"), "*", given.get("user", "*"), password)
    return ":".join(field.replace("\\", "\\\\").replace(":", "\\:") for field in fields) + "\n"


def _set(directory: Path, settings: Mapping[str, str]) -> None:
    """Replace these in the file that ALTER SYSTEM writes, which wins over all others."""
    file = directory / AUTO
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    gone = {*settings, *_UNDONE}
    kept = [line for line in lines if (match := _SETTING.match(line)) is None or match[1].lower() not in gone]
    quoted = [f"{name} = '{_escaped(value)}'" for name, value in settings.items()]
    _write(directory, AUTO, "\n".join((*kept, *quoted)) + "\n")


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")


def _write(directory: Path, name: str, text: str) -> None:
    """Whole or not at all, for the server's account alone."""
    owner = directory.stat()
    temporary = directory / f".{name}.{secrets.token_hex(4)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    if os.geteuid() == 0:
        os.chown(temporary, owner.st_uid, owner.st_gid)
    temporary.rename(directory / name)


def server_of(directory: Path) -> int:
    """The process that serves a data directory on this host; 0 when none does."""
    number = _number_in(directory, 0)
    return number if number and is_running(number) else 0


def port_of(directory: Path) -> int:
    """The port of the process that serves a data directory on this host; 0 when none does, or it says none yet."""
    return _number_in(directory, 3) if server_of(directory) else 0


def _number_in(directory: Path, line: int) -> int:
    """A number of the lock file that a server keeps in its data directory; 0 where there is none."""
    try:
        return int((directory / "postmaster.pid").read_text(encoding="utf-8").splitlines()[line])
    except (OSError, ValueError, IndexError):
        return 0


def commits_behind(
    directory: Path, installation: Installation, timeline: int, switch: Lsn
) -> tuple[TransactionEnd, ...]:
    """The transactions that a stopped server had committed on ``timeline`` behind ``switch``, oldest first.

    Raises ``BackupInvalid`` when its WAL cannot be read, or is not there although there was some.
    """
    first = directory / "pg_wal" / str(_geometry(directory, installation).at(timeline, switch))
    if not first.exists():
        if last_checkpoint(directory, installation) >= switch:
            raise BackupInvalid(
                f"{first.name} is not there, and the server was beyond it", hint="Look at the copy of its directory."
            )
        return ()
    return tuple(item for item in transaction_ends(installation, first) if item.committed and item.lsn >= switch)


def last_checkpoint(directory: Path, installation: Installation) -> Lsn:
    """Where a data directory's last checkpoint lies: another one as soon as a server has run in it."""
    return Lsn.parse(control_data(directory, installation)["Latest checkpoint location"])


def shut_down_at(directory: Path, installation: Installation, timeline: int, end: Lsn) -> bool:
    """Whether the WAL that a replica has ends, at ``end``, with the checkpoint by which its primary was shut down."""
    geometry = _geometry(directory, installation)
    last = geometry.at(timeline, Lsn(max(end.position - 1, 0)))
    argv = (installation.program("pg_waldump"), directory / "pg_wal" / str(last))
    ended, text = run(f"pg_waldump {last}", argv, account=account_for(directory), deadline_seconds=120)
    lines = [line for line in text.splitlines() if line.startswith("rmgr:")]
    if not lines:
        raise BackupInvalid(f"the WAL in {last} cannot be read", str(ended), "Look at the replica's log.")
    return "CHECKPOINT_SHUTDOWN" in lines[-1]


def _geometry(directory: Path, installation: Installation) -> WalGeometry:
    return WalGeometry(int(control_data(directory, installation)["Bytes per WAL segment"]))


def rewind(directory: Path, installation: Installation, source: Secret) -> str:
    """``pg_rewind`` a stopped server's directory to where it parted from the running ``source``; what it said.

    Raises ``RewindImpossible`` when it cannot, which leaves the directory unusable unless it says otherwise.
    """
    account: Account = account_for(directory)
    # The address comes by the environment: argv would show the password.
    argv = (
        installation.program("pg_rewind"),
        f"--target-pgdata={directory}",
        "--source-server=application_name=coreflow360-dr",
        "--no-sync",
    )
    environment = client_environment(source, "postgres")
    ended, said = run("pg_rewind", argv, environment=environment, account=account, deadline_seconds=_DEADLINE_SECONDS)
    if not ended.ok:
        raise RewindImpossible(
            f"pg_rewind cannot bring {directory} back to {display_name(source)}",
            str(ended),
            "It is replaced by a base backup instead.",
        )
    words = f"{said} {ended.stderr}".strip().splitlines()
    return words[-1] if words else "done"


class RewindImpossible(DrError):
    """pg_rewind gives up: the WAL back to the fork is gone, or checksums and hint bits are both off."""

    exit_code = RecoveryFailed.exit_code
