"""Physical replication slots: the server keeps the WAL that their reader has not taken yet."""

from __future__ import annotations

import re
import select
import time
from dataclasses import dataclass

import psycopg
from psycopg import pq
from psycopg.pq.abc import PGconn

from dr.catalog.lsn import Lsn
from dr.errors import SourceError
from dr.postgres.connection import connected, replication_connection, translate
from dr.postgres.queries import query
from dr.postgres.replication import SystemIdentity, identify_system, next_result, rows, run_to_end, send
from dr.secret import Secret

_SLOT = re.compile(r"[a-z0-9_]{1,63}")
_SILENCE_SECONDS = 3.0
_REMOVED = "has already been removed"
_UNITS = {"kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}


@dataclass(frozen=True, slots=True)
class SlotState:
    """A slot as the server sees it; sizes in bytes.

    ``wal_status`` is ``reserved``, ``extended``, ``unreserved`` or ``lost``; ``safe_wal_size`` what may still be
    written before the slot can be lost, ``keep_bytes`` the server's max_slot_wal_keep_size: None is without limit.
    """

    name: str
    active: bool
    restart_lsn: Lsn | None
    wal_status: str
    safe_wal_size: int | None
    keep_bytes: int | None

    @property
    def lost(self) -> bool:
        """Whether the server has dropped WAL that the slot was to keep."""
        return self.wal_status == "lost" or self.restart_lsn is None


@dataclass(frozen=True, slots=True)
class SlotPosition:
    """The oldest WAL that a slot keeps; None when it keeps none (any more)."""

    restart_lsn: Lsn | None


@dataclass(frozen=True, slots=True)
class ServerWal:
    """Which cluster a server has, where its WAL is, how large its segments are, and PostgreSQL's major version."""

    identity: SystemIdentity
    segment_bytes: int
    major: int


def inspect_slot(url: Secret, name: str) -> SlotState | None:
    """Look at a slot over an ordinary connection; None when there is none of that name."""
    with connected(url) as connection:
        row = connection.execute(query("slot_state"), {"slot": name}).fetchone()
    if row is None:
        return None
    if row["slot_type"] != "physical":
        raise SourceError(
            f"the replication slot {name} is a logical one",
            hint="Give the receiver another: wal.slot in the configuration.",
        )
    lsn = row["restart_lsn"]
    return SlotState(
        name=name,
        active=row["active"],
        restart_lsn=Lsn.parse(lsn) if lsn else None,
        wal_status=row["wal_status"] or "",
        safe_wal_size=row["safe_wal_size"],
        keep_bytes=row["keep_bytes"],
    )


def server_wal(url: Secret) -> ServerWal:
    """Ask over the replication protocol."""
    connection = replication_connection(url)
    try:
        identity = identify_system(connection, url)
        send(connection, "SHOW wal_segment_size", url)
        text = str(rows(connection, url)[0][0])
        run_to_end(connection, url)
        major = connection.server_version // 10000
    finally:
        connection.finish()
    return ServerWal(identity, int(text[:-2]) * _UNITS[text[-2:]], major)


def read_slot(url: Secret, name: str) -> SlotPosition | None:
    """What a slot keeps, asked over the replication protocol; None when there is none of that name."""
    connection = replication_connection(url)
    try:
        send(connection, f"READ_REPLICATION_SLOT {_checked(name)}", url)
        kind, lsn, _ = rows(connection, url)[0]
        run_to_end(connection, url)
    finally:
        connection.finish()
    return SlotPosition(Lsn.parse(lsn) if lsn else None) if kind else None


def timeline_history(url: Secret, timeline: int) -> str:
    """The history file of one of the server's timelines."""
    connection = replication_connection(url)
    try:
        send(connection, f"TIMELINE_HISTORY {timeline}", url)
        content = rows(connection, url)[0][1]
        run_to_end(connection, url)
    finally:
        connection.finish()
    return content or ""


def has_wal(url: Secret, timeline: int, begin: Lsn) -> bool:
    """Whether the server still has the WAL from there on, found out without a slot, which asking would move.

    A server that sends nothing for a while has nothing to send yet, and so nothing is missing.
    """
    connection = replication_connection(url)
    try:
        send(connection, f"START_REPLICATION PHYSICAL {begin} TIMELINE {timeline}", url)
        result = next_result(connection, url)
        end = time.monotonic() + _SILENCE_SECONDS
        while result is not None and result.status == pq.ExecStatus.COPY_BOTH and time.monotonic() < end:
            size, data = connection.get_copy_data(1)
            if size < 0:
                next_result(connection, url)  # raises what ended it
                return True
            if size > 0 and bytes(data[:1]) == b"w":
                return True
            if size == 0:
                select.select([connection.socket], [], [], max(0.0, end - time.monotonic()))
                connection.consume_input()
    except (SourceError, psycopg.OperationalError) as error:
        if _REMOVED in str(error):
            return False
        if isinstance(error, SourceError):
            raise
        raise translate(error, url) from error
    finally:
        connection.finish()
    return True


def create_slot(url: Secret, name: str) -> bool:
    """Create a physical slot that keeps WAL from now on; False when there is one already."""
    try:
        _command(url, f"CREATE_REPLICATION_SLOT {_checked(name)} PHYSICAL RESERVE_WAL")
    except SourceError as error:
        if "already exists" in error.detail:
            return False
        raise
    return True


def drop_slot(url: Secret, name: str) -> bool:
    """Drop a slot: the server keeps no WAL for it any more. False when there is none; raises while it is in use."""
    try:
        _command(url, f"DROP_REPLICATION_SLOT {_checked(name)}")
    except SourceError as error:
        if "does not exist" in error.detail:
            return False
        raise
    return True


def _checked(name: str) -> str:
    if not _SLOT.fullmatch(name):
        raise ValueError(f"not the name of a replication slot: {name!r}")
    return name


def _command(url: Secret, command: str) -> None:
    connection: PGconn = replication_connection(url)
    try:
        send(connection, command, url)
        run_to_end(connection, url)
    finally:
        connection.finish()
