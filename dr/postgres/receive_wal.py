"""``pg_receivewal``: PostgreSQL's own program that streams WAL into a directory, through a slot.

It writes the open segment to ``<segment>.partial``, renames it when it is full, and fetches the history files of
timelines itself. Where it begins is decided by the newest file in the directory; an empty ``.partial`` is enough.
"""

from __future__ import annotations

import os
from pathlib import Path

from dr.catalog.wal_names import Segment
from dr.pipeline.process import Child
from dr.postgres.connection import client_environment
from dr.postgres.installations import Installation
from dr.postgres.wal_header import HEADER_BYTES
from dr.secret import Secret

_REMOVED = "has already been removed"
_SLOT_GONE = ("does not exist", "can no longer get changes", "can no longer access", "has been invalidated")


def receive_wal(url: Secret, installation: Installation, slot: str, spool: Path, *, synchronous: bool) -> Child:
    """Begin streaming into ``spool``. It ends with its connection: whoever begins it again checks the server first.

    The application name is that of the slot, for synchronous_standby_names. ``synchronous``: what has arrived is
    flushed to the disk and confirmed at once, not only at the end of a segment.
    """
    environment = client_environment(url) | {"PGAPPNAME": slot}
    environment.pop("PGDATABASE", None)
    return Child("pg_receivewal", receive_argv(installation, slot, spool, synchronous), environment=environment)


def receive_argv(installation: Installation, slot: str, spool: Path, synchronous: bool) -> tuple[str, ...]:
    """The command line; no address and no password in it."""
    return (
        str(installation.program("pg_receivewal")),
        f"--directory={spool}",
        f"--slot={slot}",
        "--no-loop",
        "--no-password",
        "--status-interval=1",
        *(("--synchronous",) if synchronous else ()),
    )


def begin_at(spool: Path, segment: Segment) -> None:
    """Have the next ``receive_wal`` begin with this segment."""
    (spool / f"{segment}.partial").touch(mode=0o600)


def mend_partial(partial: Path, segment_bytes: int) -> bool:
    """Give an open segment its whole size if it has neither that nor none; True when it had to.

    ``pg_receivewal`` fills a new file with zeros before it writes to it. Killed meanwhile, or out of disk, it leaves a
    shorter one, with which it refuses to begin ever again.
    """
    size = partial.stat().st_size
    if size in (0, segment_bytes):
        return False
    with partial.open("rb") as file:
        written = any(file.read(HEADER_BYTES))
    os.truncate(partial, segment_bytes if written else 0)
    return True


def wal_was_removed(stderr: str) -> bool:
    """Whether it ended because the server has not got that WAL any more (I18)."""
    return "requested WAL segment" in stderr and _REMOVED in stderr


def slot_is_gone(stderr: str) -> bool:
    """Whether it ended because the slot was dropped or has lost its WAL."""
    return "replication slot" in stderr and any(text in stderr for text in _SLOT_GONE)
