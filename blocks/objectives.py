"""How fast a recovery must be and how much it may lose, as a form that has the guide's figures filled in."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import BaseModel, Field, HttpUrl

from blocks.form import Form
from dr.configuration import Effective
from dr.policy.objectives import DEFAULT_OBJECTIVES, Objective, Scenario


class Target(BaseModel):
    """The two promises for one kind of disaster."""

    rto_minutes: float = Field(gt=0, title="RTO, minutes", description="Longest acceptable recovery, in minutes.")
    rpo_minutes: float = Field(ge=0, title="RPO, minutes", description="Most commits that may be lost, in minutes.")


def _target(objective: Objective) -> Target:
    return Target(rto_minutes=objective.rto_seconds / 60, rpo_minutes=objective.rpo_seconds / 60)


def _default(scenario: Scenario) -> Target:
    return _target(DEFAULT_OBJECTIVES[scenario])


class Objectives(Form):
    """Recovery objectives: time (RTO) and loss (RPO) per kind of disaster.

    Example:
        Load stored objectives:
        ```python
        from blocks import Objectives

        objectives = Objectives.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Recovery Objectives"
    _block_type_slug: ClassVar[str] = "recovery-objectives"
    _description: ClassVar[str] = "How fast a recovery must be and how much it may lose, per kind of disaster."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://csrc.nist.gov/pubs/sp/800/34/r1/upd1/final")

    database_corruption: Target = Field(
        default=_default(Scenario.DATABASE_CORRUPTION),
        title="Database corruption",
        description="Restored from the latest backup.",
    )
    application_failure: Target = Field(
        default=_default(Scenario.APPLICATION_FAILURE),
        title="Application failure",
        description="Restarted, with health checks.",
    )
    full_system_failure: Target = Field(
        default=_default(Scenario.FULL_SYSTEM_FAILURE),
        title="Full system failure",
        description="Everything restored, in order.",
    )
    data_center_outage: Target = Field(
        default=_default(Scenario.DATA_CENTER_OUTAGE),
        title="Data center outage",
        description="Failed over to another region.",
    )

    def settings(self) -> dict[str, object]:
        """All of them, as settings: what the form shows is what holds."""
        values: dict[str, object] = {}
        for scenario in Scenario:
            target = getattr(self, scenario.value.replace("-", "_"))
            values[f"objectives.{scenario}.rto_minutes"] = target.rto_minutes
            values[f"objectives.{scenario}.rpo_minutes"] = target.rpo_minutes
        return values

    @classmethod
    def from_effective(cls, effective: Effective) -> Self:
        """The Block that says what a configuration says."""
        wanted = effective.system.objectives
        return cls.model_validate(
            {scenario.value.replace("-", "_"): _target(wanted[scenario]) for scenario in Scenario}
        )
