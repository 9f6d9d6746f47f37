"""What a restored copy answered, and how much it lacks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dr.catalog.canary import Beat
from dr.errors import RecoveryFailed
from dr.evidence.phases import Phase
from dr.policy.objectives import Objective, Verdict


@dataclass(frozen=True, slots=True)
class Check:
    """One question and its answer."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class CheckedCopy:
    """What a restored copy answered. ``rows`` counts what was really read; the canary is its last surviving row.

    ``reached`` says where replay ended, in words, ``last_commit`` of when the last commit is that was replayed (None
    where nothing was); ``notes`` which copies of WAL could not be used.
    """

    checks: tuple[Check, ...]
    tables: int
    rows: int
    canary: Beat | None
    phases: tuple[Phase, ...]
    reached: str = ""
    notes: tuple[str, ...] = ()
    last_commit: datetime | None = None

    def require(self, what: str) -> None:
        """Raise ``RecoveryFailed`` unless every check passed."""
        failed = [check for check in self.checks if not check.passed]
        if failed:
            raise RecoveryFailed(
                f"{what} was restored but does not answer as it should",
                detail="; ".join(f"{check.name}: {check.detail}" for check in failed),
                hint="Do not put it into service. Restore another backup (dr list), or another store's copy.",
            )


@dataclass(frozen=True, slots=True)
class Loss:
    """Seconds of commits lost. ``measured`` False: no canary tells, ``seconds`` is then None or an upper bound.

    ``restored`` is the last canary row of the restored copy, ``last`` the last that is known to have been committed.
    """

    seconds: float | None
    measured: bool
    explanation: str
    restored: Beat | None = None
    last: Beat | None = None


def held_against(objective: Objective, rto_seconds: float, loss: Loss | None) -> Verdict:
    """A recovery's time and its loss, each with what it is worth; ``loss`` None: nothing is known of it."""
    if loss is None:
        return Verdict(objective, rto_seconds, None)
    measured, at_most = (loss.seconds, None) if loss.measured else (None, loss.seconds)
    return Verdict(objective, rto_seconds, measured, at_most)
