"""What somebody asked of a full recovery: which state of the system, and what to leave out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dr.errors import ConfigurationError
from dr.operations.full_recovery.kinds import NAMES
from dr.operations.full_recovery.places import EXERCISE, PROCEDURE
from dr.policy.recovery_target import aware_time


class Database(StrEnum):
    """Up to where the database goes: the newest WAL, or exactly the recovery point."""

    NEWEST = "newest"
    POINT = "point"


@dataclass(frozen=True, slots=True)
class Wish:
    """``point`` is a label, empty for the newest that is usable; ``before`` takes none that is younger.

    ``without`` are names of parts. ``exercise``: for practice, changing nothing outside of this host.
    """

    point: str = ""
    before: datetime | None = None
    database: Database = Database.NEWEST
    without: tuple[str, ...] = ()
    exercise: bool = False

    @property
    def procedure(self) -> str:
        """The name of its journals: an exercise neither goes on with a real one nor ends it."""
        return EXERCISE if self.exercise else PROCEDURE

    @property
    def parameters(self) -> dict[str, str]:
        """By these a run finds the one that was cut off."""
        return {
            "point": self.point,
            "before": self.before.isoformat() if self.before else "",
            "database": str(self.database),
            "without": ", ".join(self.without),
        }


def parse_wish(point: str, before: str, database: str, without: str, *, exercise: bool = False) -> Wish:
    """Raises ``ConfigurationError`` for a time without a zone, or a part that there is not.

    Whoever names a point or a time means that state, so the database then stops there unless told otherwise.
    """
    named = bool(point or before)
    try:
        wanted = Database(database) if database else Database.POINT if named else Database.NEWEST
    except ValueError:
        raise ConfigurationError(
            f"the database cannot be recovered to {database!r}", hint=f"Say {' or '.join(Database)}."
        ) from None
    left = tuple(sorted({word.strip() for word in without.split(",") if word.strip()}))
    unknown = [word for word in left if word not in NAMES]
    if unknown:
        raise ConfigurationError(f"there is no part {', '.join(unknown)}", hint=f"There are: {', '.join(NAMES)}.")
    return Wish(point, aware_time(before) if before else None, wanted, left, exercise)
