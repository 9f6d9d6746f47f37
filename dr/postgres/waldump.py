"""What lies where in the WAL, by ``pg_waldump``: commits with their times, and restore points.

The files lie in one directory under the names of one timeline and in a row. Files of several timelines may be given
the last one's name for that: what they hold up to the switch is the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dr.catalog.lsn import Lsn
from dr.errors import BackupInvalid
from dr.pipeline.process import run
from dr.postgres.installations import Installation

DEADLINE_SECONDS = 600
_LINE = re.compile(r"^rmgr: \w+ .*?, tx: +(\d+), lsn: ([0-9A-F]+/[0-9A-F]+), .*?, desc: (.*)$", re.MULTILINE)
_END = re.compile(r"(COMMIT|ABORT)(?:_PREPARED)? (?:(\d+): )?(\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) UTC")
_POINT = "RESTORE_POINT "
# How a dump ends where the WAL does: at zeros, at older WAL in a recycled file, or within a record that goes on.
_ENDINGS = ("error in WAL record at", "could not find a valid record after", "could not find file", "could not read")


@dataclass(frozen=True, slots=True)
class TransactionEnd:
    """A commit or abort record. ``xid`` has 32 bits, ``time`` is by the server's clock."""

    xid: int
    lsn: Lsn
    time: datetime
    committed: bool


@dataclass(frozen=True, slots=True)
class NamedPoint:
    """A restore point."""

    name: str
    lsn: Lsn


def transaction_ends(installation: Installation, first: Path, last: Path | None = None) -> Iterator[TransactionEnd]:
    """Every commit and abort from segment ``first`` to ``last``, in the order of the WAL."""
    for tx, lsn, description in _records(installation, "Transaction", first, last):
        match = _END.match(description)
        if match is not None:
            committed = match[1] == "COMMIT"
            yield TransactionEnd(int(match[2] or tx), Lsn.parse(lsn), _time(match[3]), committed)


def restore_points(installation: Installation, first: Path, last: Path | None = None) -> Iterator[NamedPoint]:
    """Every restore point, in the order of the WAL."""
    for _, lsn, description in _records(installation, "XLOG", first, last):
        if description.startswith(_POINT):
            yield NamedPoint(description.removeprefix(_POINT), Lsn.parse(lsn))


def has_record_from(installation: Installation, directory: Path, timeline: int, lsn: Lsn) -> bool:
    """Whether a whole record begins at ``lsn`` or behind it, in the segments of ``directory``.

    Raises ``BackupInvalid`` when that cannot be told.
    """
    name = f"pg_waldump from {lsn}"
    options = (f"--path={directory}", f"--timeline={timeline}", f"--start={lsn}", "--limit=1")
    ended, text = run(name, (installation.program("pg_waldump"), *options), deadline_seconds=DEADLINE_SECONDS)
    if not ended.ok and not any(ending in ended.stderr for ending in _ENDINGS):
        raise BackupInvalid(f"the WAL behind {lsn} cannot be read", str(ended), "Use another store's copy of it.")
    return text.startswith("rmgr:") or "\nrmgr:" in text


def last_commit(installation: Installation, first: Path, last: Path | None = None) -> TransactionEnd | None:
    """The newest commit by its time; None when nothing was committed in there."""
    commits = (item for item in transaction_ends(installation, first, last) if item.committed)
    return max(commits, key=lambda item: item.time, default=None)


def _records(installation: Installation, manager: str, first: Path, last: Path | None) -> list[tuple[str, str, str]]:
    argv = (installation.program("pg_waldump"), f"--rmgr={manager}", first, *((last,) if last else ()))
    # Times are printed in the zone of the environment.
    ended, text = run(f"pg_waldump {first.name}", argv, environment={"TZ": "UTC"}, deadline_seconds=DEADLINE_SECONDS)
    if not ended.ok and not any(ending in ended.stderr for ending in _ENDINGS):
        raise BackupInvalid(
            f"the WAL in {first.name} cannot be read",
            detail=str(ended),
            hint="Use another store's copy of it; dr window shows what can be recovered without it.",
        )
    return _LINE.findall(text)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
