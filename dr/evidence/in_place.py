"""What a recovery into production's own place achieved: the recovery itself, and all that was done around it."""

from __future__ import annotations

from dataclasses import dataclass

from dr.evidence.scoreboard import RecoveryOutcome


@dataclass(frozen=True, slots=True)
class RecoveredInPlace:
    """``aside`` is where the old data directory is kept; empty where there was none. All else is told in lines.

    ``found`` tells how the target was searched for, ``configured`` which files of today's configuration were kept.
    """

    outcome: RecoveryOutcome
    aside: str
    damage: tuple[str, ...]
    copy: tuple[str, ...]
    found: tuple[str, ...]
    erased: str
    configured: tuple[str, ...]
    answers: tuple[str, ...]
    journal: str
    resumed: bool

    def lines(self) -> tuple[str, ...]:
        """What was done around the recovery, as a person reads it."""
        kept = (
            "there was no data directory before" if not self.aside else f"the old data directory is kept: {self.aside}"
        )
        return (
            *(f"damage: {line}" for line in self.damage),
            *self.copy,
            *self.found,
            self.erased,
            *(f"{name} is today's, not the backup's" for name in self.configured),
            *self.answers,
            kept,
        )


@dataclass(frozen=True, slots=True)
class Undone:
    """``aside`` goes (or went) back to ``data``; what lay there meanwhile is kept as ``undone``."""

    data: str
    aside: str
    undone: str = ""

    def lines(self) -> tuple[str, ...]:
        """As a person reads it."""
        after = f", which is kept as {self.undone}" if self.undone else ", which is kept beside it"
        return (f"{self.aside} takes the place of {self.data}{after}",)
