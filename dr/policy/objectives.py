"""Recovery objectives: how long a recovery may take (RTO) and how much it may lose (RPO), per scenario."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
    """A measurement held against an objective. ``rpo_seconds`` is None when no canary told how much was lost."""

    objective: Objective
    rto_seconds: float
    rpo_seconds: float | None

    @property
    def rto_met(self) -> bool:
        return self.rto_seconds <= self.objective.rto_seconds

    @property
    def rpo_met(self) -> bool:
        """An unmeasured loss is never a met objective."""
        return self.rpo_seconds is not None and self.rpo_seconds <= self.objective.rpo_seconds

    @property
    def met(self) -> bool:
        return self.rto_met and self.rpo_met
