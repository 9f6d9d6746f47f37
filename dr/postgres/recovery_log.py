"""What a recovery really reached, from the server's own messages. Times in them are UTC (we set TimeZone)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from dr.catalog.lsn import Lsn

_LSN = r"([0-9A-F]+/[0-9A-F]+)"
_TIME = r"(\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?)\+00"
_STOPPED = re.compile(r"LOG:  (recovery stopping .*)")
_REDO_DONE = re.compile(rf"LOG:  redo done at {_LSN}")
_LAST = re.compile(rf"LOG:  last completed transaction was at log time {_TIME}")
_RESTORED = re.compile(r'LOG:  restored log file "([0-9A-F]{24})" from archive')
_TIMELINE = re.compile(r"LOG:  selected new timeline ID: (\d+)")
ENDED_EARLY = "recovery ended before configured recovery target was reached"


@dataclass(frozen=True, slots=True)
class Reached:
    """Where replay ended. ``lsn`` is of the last record replayed, ``commit`` the time of the last transaction in it.

    ``stopped`` is PostgreSQL's word on the target, empty when it replayed to the end of the WAL. ``last_file`` is the
    last segment that it took from the archive, ``timeline`` the one it has begun.
    """

    lsn: Lsn | None = None
    commit: datetime | None = None
    stopped: str = ""
    last_file: str = ""
    timeline: int | None = None

    def __str__(self) -> str:
        words = [self.stopped or "replayed to the end of the WAL"]
        if self.lsn is not None:
            words.append(f"last record at {self.lsn}")
        if self.commit is not None:
            words.append(f"last transaction at {self.commit:%Y-%m-%d %H:%M:%S.%f} UTC")
        if self.timeline is not None:
            words.append(f"now on timeline {self.timeline}")
        return ", ".join(words)


def parse_reached(log: str) -> Reached:
    """Read a server's messages since its start."""
    lsn, last, timeline = _last(_REDO_DONE, log), _last(_LAST, log), _last(_TIMELINE, log)
    return Reached(
        lsn=Lsn.parse(lsn) if lsn else None,
        commit=datetime.fromisoformat(last).replace(tzinfo=UTC) if last else None,
        stopped=_last(_STOPPED, log) or "",
        last_file=_last(_RESTORED, log) or "",
        timeline=int(timeline) if timeline else None,
    )


def _last(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.findall(text)
    return str(found[-1]) if found else None
