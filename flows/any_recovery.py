"""The recovery of a scenario, by the very procedure that people run when it is no drill."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dr.evidence.findings import Loss
from dr.evidence.full_outcome import FullOutcome
from dr.evidence.in_place import RecoveredInPlace
from dr.operations.region.outcome import FailedOver
from dr.policy.objectives import Scenario
from flows.full_recovery import full_recovery
from flows.recover_application import recover_application
from flows.recover_database import recover_database
from flows.region_failover import region_failover


@dataclass(frozen=True, slots=True)
class RecoveredFrom:
    """``restored``: data came back from copies, and ``loss`` is what the recovery found to be lacking.

    Who asks later would count rows that were written after it. Otherwise the data was never touched.
    """

    restored: bool
    loss: Loss | None = None


def recover_from(system: str, scenario: Scenario, disaster_at: datetime) -> RecoveredFrom:
    """Recover ``system``, whose name was typed for the drill that this is a part of."""
    at = disaster_at.isoformat()
    match scenario:
        case Scenario.DATABASE_CORRUPTION:
            database = recover_database(system=system, in_place=True, confirm_name=system, disaster_at=at)
            return RecoveredFrom(True, database.outcome.loss if isinstance(database, RecoveredInPlace) else None)
        case Scenario.APPLICATION_FAILURE:
            recover_application(system=system, confirm_name=system)
            return RecoveredFrom(False)
        case Scenario.FULL_SYSTEM_FAILURE:
            everything = full_recovery(system=system, confirm_name=system, disaster_at=at)
            return RecoveredFrom(True, everything.loss if isinstance(everything, FullOutcome) else None)
        case Scenario.DATA_CENTER_OUTAGE:
            region = region_failover(system=system, confirm_name=system, disaster_at=at)
            return RecoveredFrom(True, region.lost.loss if isinstance(region, FailedOver) else None)
