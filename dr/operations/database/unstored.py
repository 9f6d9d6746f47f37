"""What production has committed and no store has: asked before a copy is made that is to take its place.

The server says where its WAL ends; one that was stopped in order has noted it in its control file.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from dr.catalog.lsn import Lsn
from dr.configuration.model import System
from dr.errors import DrError, TargetRefused
from dr.operations.check_source import bin_directories, source_url
from dr.operations.database.place import data_directory
from dr.operations.wal.until_stored import until_stored
from dr.postgres.control_data import control_data
from dr.postgres.installations import server_for
from dr.postgres.questions import asking, where_it_is, write_once

_ASK_SECONDS = 15.0
_IN_ORDER = "shut down"
_VERSION = "PG_VERSION"


@dataclass(frozen=True, slots=True)
class Unstored:
    """Production's WAL ends at ``end`` of ``timeline``, the stores' at ``stored`` (None: they have none of it)."""

    timeline: int
    end: Lsn
    stored: Lsn | None

    def __str__(self) -> str:
        have = f"up to {self.stored}" if self.stored is not None else "nothing of it"
        return f"production's WAL of timeline {self.timeline} goes up to {self.end}, and the stores have {have}"

    def refuse(self) -> NoReturn:
        """Raise ``TargetRefused``: production lives, and a copy would lack what it has acknowledged."""
        raise TargetRefused(
            "a copy would lack what production has committed by now",
            detail=f"{self}; production was left as it is",
            hint="See dr wal status: no receiver has brought the rest. When it has, run this again: it goes on."
            " To recover to an earlier moment on purpose, name it (--target-time, --target-lsn).",
        )


def unstored(system: System) -> Unstored | None:
    """Wait until the stores have all of it; None when they have, or where nobody can tell where it ends."""
    if system.wal.method != "receive":
        return None  # what archive_command hands over ends with a segment, and not with the last commit
    found = _end(system)
    if found is None:
        return None
    timeline, end = found
    stored = until_stored(system, timeline, end)
    return None if stored is not None and stored >= end else Unstored(timeline, end, stored)


def _end(system: System) -> tuple[int, Lsn] | None:
    data = data_directory(system)
    try:
        return _end_of_stopped(system, data) or _end_of_running(system)
    except (DrError, OSError, ValueError):
        return None  # it is broken, which is why it is being recovered


def _end_of_stopped(system: System, data: Path) -> tuple[int, Lsn] | None:
    """None where it was not stopped in order: a process' number would not tell of one in a container."""
    major = int((data / _VERSION).read_text(encoding="ascii"))
    told = control_data(data, server_for(major, bin_directories(system)))
    if told.get("Database cluster state") != _IN_ORDER:
        return None
    # Whoever has the beginning of its last record has all that was committed.
    checkpoint = Lsn.parse(told["Latest checkpoint location"])
    return int(told["Latest checkpoint's TimeLineID"]), Lsn(checkpoint.position + 1)


def _end_of_running(system: System) -> tuple[int, Lsn] | None:
    url = source_url(system)
    with asking(url, _ASK_SECONDS) as connection:
        place = where_it_is(connection)
    if place.timeline is None or place.lsn is None:
        return None
    # What a receiver has of an open segment is not told from zeros at its end; behind this there are none.
    with suppress(DrError), asking(url, _ASK_SECONDS) as connection:
        write_once(connection)
    return place.timeline, place.lsn
