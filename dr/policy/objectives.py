"""Recovery objectives: how long a recovery may take (RTO) and how much it may lose (RPO), per scenario."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dr.policy.loss import Certainty


class Scenario(StrEnum):
    """The four disasters of the operations guide."""

    DATABASE_CORRUPTION = "database-corruption"
    APPLICATION_FAILURE = "application-failure"
    FULL_SYSTEM_FAILURE = "full-system-failure"
    DATA_CENTER_OUTAGE = "data-center-outage"


@dataclass(frozen=True, slots=True)
class Objective:
    """Wanted: recovered within ``rto_seconds``, losing at most ``rpo_seconds`` of commits."""

    rto_seconds: float
    rpo_seconds: float

    def __post_init__(self) -> None:
        if self.rto_seconds <= 0 or self.rpo_seconds < 0:
            raise ValueError("an objective needs rto_seconds > 0 and rpo_seconds >= 0")


DEFAULT_OBJECTIVES: dict[Scenario, Objective] = {
    Scenario.DATABASE_CORRUPTION: Objective(15 * 60, 15 * 60),
    Scenario.APPLICATION_FAILURE: Objective(5 * 60, 0),
    Scenario.FULL_SYSTEM_FAILURE: Objective(30 * 60, 30 * 60),
    Scenario.DATA_CENTER_OUTAGE: Objective(60 * 60, 30 * 60),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """A measurement held against an objective.

    ``rpo_seconds`` was measured, and is None when nothing told how much was lost. Then ``rpo_at_most`` is the most that
    it can be, None when not even that is known.
    """

    objective: Objective
    rto_seconds: float
    rpo_seconds: float | None
    rpo_at_most: float | None = None

    @property
    def rto_met(self) -> bool:
        return self.rto_seconds <= self.objective.rto_seconds

    @property
    def rpo_certainty(self) -> Certainty:
        """What the RPO is worth."""
        if self.rpo_seconds is not None:
            return Certainty.MEASURED
        return Certainty.UNKNOWN if self.rpo_at_most is None else Certainty.AT_MOST

    @property
    def rpo_met(self) -> bool:
        """A loss of which nothing is known is never a met objective; a bound that lies within it is one."""
        most = self.rpo_at_most if self.rpo_seconds is None else self.rpo_seconds
        return most is not None and most <= self.objective.rpo_seconds

    @property
    def rpo_missed(self) -> bool:
        """Measured, and too much. What is only bounded is not shown to be met, and not shown to be missed."""
        return self.rpo_seconds is not None and not self.rpo_met

    @property
    def rpo_shown(self) -> str:
        """``12.3 s``, ``at most 12.3 s``, ``not known``."""
        if self.rpo_seconds is not None:
            return f"{self.rpo_seconds:.1f} s"
        return str(Certainty.UNKNOWN) if self.rpo_at_most is None else f"{Certainty.AT_MOST} {self.rpo_at_most:.1f} s"

    @property
    def rpo_answer(self) -> str:
        """Whether the RPO is met: ``yes``, ``no`` or ``unknown``."""
        return "yes" if self.rpo_met else "no" if self.rpo_missed else "unknown"

    @property
    def met(self) -> bool:
        return self.rto_met and self.rpo_met
