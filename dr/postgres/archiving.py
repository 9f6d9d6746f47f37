"""The server's own archiving: how it goes, where its WAL is, and closing the open segment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from dr.catalog.lsn import Lsn
from dr.errors import SourceError
from dr.postgres.connection import connected
from dr.postgres.queries import query
from dr.postgres.wal_position import Sample
from dr.secret import Secret


@dataclass(frozen=True, slots=True)
class ArchiverState:
    """What pg_stat_archiver tells. ``failing``: the newest attempt failed; ``archiving``: archive_mode is on."""

    archiving: bool
    failing: bool
    failed_count: int
    last_failed: str
    last_archived: str
    last_archived_at: datetime | None


@dataclass(frozen=True, slots=True)
class WalEnd:
    """Every commit acknowledged by ``server_time`` lies before ``lsn``."""

    server_time: datetime
    lsn: Lsn


def archiver_state(url: Secret) -> ArchiverState:
    """How archive_command does."""
    with connected(url) as connection:
        row = connection.execute(query("archiver_state")).fetchone()
    if row is None:
        raise SourceError("the server does not tell how archiving goes", hint="Look into pg_stat_archiver.")
    at = row["last_archived_time"]
    return ArchiverState(
        archiving=row["archive_mode"] != "off",
        failing=bool(row["failing"]),
        failed_count=row["failed_count"],
        last_failed=row["last_failed_wal"] or "",
        last_archived=row["last_archived_wal"] or "",
        last_archived_at=at.astimezone(UTC) if at else None,
    )


def wal_position(url: Secret, slot: str) -> Sample | None:
    """The server's time, then where its WAL is flushed to; None on a standby that has received nothing."""
    with connected(url) as connection:
        row = connection.execute(query("wal_position"), {"slot": slot}).fetchone()
    if row is None or row["lsn"] is None:
        return None
    return Sample(
        server_time=row["server_time"].astimezone(UTC),
        lsn=Lsn.parse(row["lsn"]),
        timeline=row["timeline"],
        sync_state=row["sync_state"] or "",
        write_lsn=Lsn.parse(row["write_lsn"]) if row["write_lsn"] else None,
        wal_status=row["wal_status"] or "",
        safe_wal_size=row["safe_wal_size"],
    )


def switch_wal(url: Secret) -> WalEnd:
    """Close the open segment, so that it is archived. Raises ``PrivilegeMissing`` where the role may not."""
    with connected(url) as connection:
        row = connection.execute(query("switch_wal")).fetchone()
    if row is None:
        raise SourceError("the server did not say where it switched its WAL", hint="Look into its log.")
    return WalEnd(row["server_time"].astimezone(UTC), Lsn.parse(row["lsn"]))
