"""Settings of the component ``logs``: which files, and how the day of each is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dr.configuration import parsers
from dr.configuration.components.declared import given
from dr.policy.log_days import DayFrom


@dataclass(frozen=True, slots=True)
class LogsSettings:
    """Log files by class. A directory means every file below it; ``*``, ``?``, ``[]`` and ``**`` are understood."""

    application: tuple[Path, ...] = given(parsers.paths, "directories or patterns of application logs", ())
    audit: tuple[Path, ...] = given(parsers.paths, "directories or patterns of audit logs", ())
    day_from: str = given(
        parsers.choice(*DayFrom),
        "where a file's day stands: in its name (its last write where there is none), or always its last write (mtime)",
        str(DayFrom.NAME),
    )
    ignore: tuple[str, ...] = given(
        parsers.words, "names of files that are no logs, as patterns", ("*.tmp", "*.swp", "*.part", "*.sock", "*.pid")
    )
    settle_minutes: float = given(
        parsers.minutes, "minutes without a write after which a file of a day that is over is complete", 60
    )
    open_day: bool = given(parsers.flag, "whether what is still written goes along as it is so far", True)
