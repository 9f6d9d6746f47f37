"""A server and its replica: which of the two is in charge, how far the other has come, and how it takes over."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql

from dr.catalog.lsn import Lsn
from dr.errors import RecoveryFailed, ServerUnreachable, SourceError
from dr.postgres.bounded import within
from dr.postgres.connection import connected, display_name, parameters
from dr.postgres.queries import query
from dr.secret import Secret

ASK_SECONDS = 10.0
_TELL_SECONDS = 60.0
_PAUSE_SECONDS = 0.1
_STOPPING = "the database system is"


@dataclass(frozen=True, slots=True)
class ServerRole:
    """What one server says of itself. ``standby`` False: it takes writes.

    ``received`` is what it has on its disk, ``replayed`` what can be seen in it; of a primary both are where its WAL
    is flushed to. ``last_commit`` is the time, by the primary's clock, of the last commit that a standby has replayed.
    """

    server_time: datetime
    standby: bool
    system_identifier: str
    major: int
    timeline: int
    received: Lsn | None
    replayed: Lsn | None
    last_commit: datetime | None
    paused: bool
    streaming: bool
    synchronous_standby_names: str
    directory: str
    started: datetime

    def is_same_server(self, other: ServerRole) -> bool:
        """Whether two addresses have led to one server: a process of that cluster that began at that microsecond."""
        return (self.system_identifier, self.started) == (other.system_identifier, other.started)

    @property
    def end(self) -> Lsn:
        """The furthest WAL that it has. A standby that streams nothing says only what it has replayed."""
        return max(self.received or Lsn(0), self.replayed or Lsn(0))


def server_role(url: Secret, seconds: float = ASK_SECONDS) -> ServerRole:
    """Ask a server. Its role must be a superuser, or have pg_monitor. Raises SourceError, after ``seconds`` at most."""
    return within(seconds, url, lambda: _server_role(url))


def _server_role(url: Secret) -> ServerRole:
    with connected(url) as connection:
        try:
            row = connection.execute(query("server_role")).fetchone()
        except psycopg.errors.ObjectNotInPrerequisiteState:  # it was promoted in the midst of the question
            row = connection.execute(query("server_role")).fetchone()
    if row is None:
        raise SourceError(f"{display_name(url)} does not say what it is", hint="Look into its log.")
    commit = row["last_commit"]
    return ServerRole(
        server_time=row["server_time"].astimezone(UTC),
        standby=row["standby"],
        system_identifier=row["system_identifier"],
        major=row["major"],
        timeline=row["timeline"],
        received=Lsn.parse(row["received"]) if row["received"] else None,
        replayed=Lsn.parse(row["replayed"]) if row["replayed"] else None,
        last_commit=commit.astimezone(UTC) if commit else None,
        paused=row["paused"],
        streaming=row["streaming"],
        synchronous_standby_names=row["synchronous_standby_names"],
        directory=row["directory"],
        started=row["started"].astimezone(UTC),
    )


def promote(url: Secret, seconds: float) -> ServerRole:
    """Have a standby take over; what it is then. One that is in charge already stays so.

    Replay that was paused is resumed: a promotion would wait for it for ever. Raises ``RecoveryFailed``.
    """
    within(_TELL_SECONDS, url, lambda: _tell_to_promote(url))
    deadline = time.monotonic() + seconds
    while (role := server_role(url)).standby:
        if time.monotonic() > deadline:
            raise RecoveryFailed(
                f"{display_name(url)} has not taken over within {seconds:.0f} s of pg_promote",
                hint="Look into its log: it may still be replaying. Run this again, it goes on from here.",
            )
        time.sleep(_PAUSE_SECONDS)
    return role


def _tell_to_promote(url: Secret) -> None:
    with connected(url) as connection:
        row = connection.execute("SELECT pg_is_in_recovery() AS standby").fetchone()
        if row is not None and row["standby"]:
            connection.execute("SELECT pg_wal_replay_resume()")
            connection.execute("SELECT pg_promote(wait => false)")


def resume_replay(url: Secret) -> None:
    """Have a standby go on with replay that was paused."""
    with connected(url) as connection:
        connection.execute("SELECT pg_wal_replay_resume()")


def forget_synchronous_standbys(url: Secret) -> str:
    """Have commits wait for nobody; what they waited for before, empty when for nobody.

    A replica has its primary's settings, and the standbys that these name are not connected to it: without this every
    commit of the new primary hangs.
    """
    with connected(url) as connection:
        row = connection.execute("SELECT current_setting('synchronous_standby_names') AS names").fetchone()
        names = str(row["names"]) if row else ""
        if names:
            set_system(url, {"synchronous_standby_names": ""})
    return names


def set_system(url: Secret, settings: dict[str, str | None]) -> None:
    """ALTER SYSTEM and reload; None resets to what the files say. Values are no secrets: they may be logged."""
    with connected(url) as connection:
        for name, value in settings.items():
            if value is None:
                connection.execute(sql.SQL("ALTER SYSTEM RESET {}").format(sql.Identifier(name)))
            else:
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
        connection.execute("SELECT pg_reload_conf()")


def reload_settings(url: Secret) -> None:
    """Have the server read its configuration files again."""
    with connected(url) as connection:
        connection.execute("SELECT pg_reload_conf()")


def write_something(url: Secret, seconds: float) -> Lsn:
    """Commit a record that no table sees; where the WAL ends behind it. Raises SourceError when that is not taken."""
    with connected(url) as connection:
        connection.execute("SELECT set_config('statement_timeout', %s, false)", (f"{int(seconds * 1000)}",))
        connection.execute("SELECT pg_logical_emit_message(true, 'coreflow360-dr', 'takes writes')")
        row = connection.execute("SELECT pg_current_wal_flush_lsn()::text AS lsn").fetchone()
    if row is None:
        raise SourceError(f"{display_name(url)} took a record and does not say where", hint="Look into its log.")
    return Lsn.parse(row["lsn"])


def major_of(directory: Path) -> int:
    """PostgreSQL's major version, of whom a data directory is. Raises SourceError where it is none."""
    try:
        return int((directory / "PG_VERSION").read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise SourceError(f"{directory} is no data directory", str(error), "Correct its path.") from error


def demote(url: Secret, seconds: float) -> str:
    """Stop a server for good, by SQL alone: should anything start it again, it is a standby that takes no writes.

    The mark is laid before the stop, so that there is no moment at which it could come up in charge. The stop is a fast
    shutdown, in which what its replicas lack is still sent to them. Returns what was seen; raises SourceError when it
    cannot be reached or lacks a superuser, ``RecoveryFailed`` when it goes on.
    """
    role = server_role(url)
    if role.standby:
        return "it is a standby already"
    within(_TELL_SECONDS, url, lambda: _tell_to_stop(url, f"{role.directory}/standby.signal"))
    deadline = time.monotonic() + seconds
    while True:
        silence = ""
        try:
            if server_role(url).standby:
                return "standby.signal was laid and it was stopped; something has started it again, as a standby"
        except ServerUnreachable as error:
            silence = error.detail
            # A line that is cut is silent too, and the server behind it goes on.
            if _STOPPING in silence or is_refused(url):
                return "standby.signal was laid and it was stopped: it cannot come up in charge"
        if time.monotonic() > deadline:
            raise RecoveryFailed(
                f"{display_name(url)} was told to stop, and whether it has is not known"
                if silence
                else f"{display_name(url)} was told to stop and goes on taking writes after {seconds:.0f} s",
                silence,
                "Fence it in another way (region.fence). Should it go on instead: remove standby.signal from its data "
                "directory, and start it.",
            )
        time.sleep(_PAUSE_SECONDS)


def _tell_to_stop(url: Secret, mark: str) -> None:
    with connected(url) as connection:
        connection.execute(sql.SQL("COPY (SELECT '') TO {}").format(sql.Literal(mark)))
        found = connection.execute("SELECT (pg_stat_file(%s)).isdir AS directory", (mark,)).fetchone()
        if found is None or found["directory"]:
            raise RecoveryFailed(f"{mark} was not laid", hint="Fence it in another way.")
        # Backends work in the data directory. The session itself is ended by this too.
        stop = 'kill -INT "$(head -n 1 postmaster.pid)"'
        with suppress(psycopg.OperationalError):
            connection.execute(sql.SQL("COPY (SELECT '') TO PROGRAM {}").format(sql.Literal(stop)))


def is_refused(url: Secret) -> bool:
    """Whether the server's host itself says that nobody listens there."""
    given = parameters(url)
    host, port = given.get("hostaddr") or given.get("host") or "/var/run/postgresql", given.get("port") or "5432"
    try:
        if host.startswith("/"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
                trial.settimeout(ASK_SECONDS)
                trial.connect(f"{host}/.s.PGSQL.{port}")
        else:
            socket.create_connection((host, int(port)), ASK_SECONDS).close()
    except (ConnectionRefusedError, FileNotFoundError):
        return True
    except (OSError, ValueError):
        return False
    return False
