"""Steps of the quarterly drill that are its own; the disaster's and the recovery's are those of the real ones."""

from __future__ import annotations

import time
from dataclasses import replace

from dr.catalog.canary import Beat
from dr.catalog.expected import Expected
from dr.evidence.application_outcome import NO_LOSS
from dr.evidence.approvals import account
from dr.evidence.findings import Loss, held_against
from dr.evidence.quarterly import Metrics, Preparation, Quarterly, comparison_rows, objective_rows, report
from dr.operations.quarterly import measure
from dr.operations.quarterly.earlier import DRILLED, earlier_drill
from dr.operations.simulate.plan import RECOVER
from dr.operations.simulate.quarantine import Simulation
from dr.operations.verify_recovery.contents import UNLOGGED
from dr.operations.verify_recovery.verified import VerifiedRecovery
from dr.operations.verify_recovery.verify import ask_recovered
from dr.policy.objectives import Scenario
from tasks.incident import IncidentRecord
from tasks.runner import publish_markdown, publish_table, task
from tasks.systems import load_system

HOUR = 3600


@task(name="go through the checklist", timeout_seconds=60)
def require_preparation(preparation: Preparation) -> None:
    """Nothing is broken before people have said that they are ready."""
    preparation.require()


@task(name="measure before", retries=1, timeout_seconds=HOUR)
def measure_before(system: str, seconds: float) -> tuple[Metrics, Expected]:
    """What there is, so that afterwards is compared with something."""
    return measure.measure_before(load_system(system), seconds)


@task(name="verify what came back", timeout_seconds=HOUR)
def verify(system: str, expected: Expected, seconds: float) -> VerifiedRecovery:
    """Is all of it back? What is wrong is a result."""
    return ask_recovered(load_system(system), expected=expected, seconds=seconds)


@task(name="measure after", retries=1, timeout_seconds=HOUR)
def measure_after(system: str, seconds: float) -> Metrics:
    """The same figures as before."""
    return measure.measure_after(load_system(system), seconds)


class Drill:
    """One drill as it goes; the clock runs from right before the disaster to the last answer."""

    def __init__(self, system: str, scenario: Scenario, preparation: Preparation, before: Metrics) -> None:
        self._system = system
        self._begin = time.monotonic()
        self._result = Quarterly(
            system=load_system(system).name,
            scenario=scenario,
            simulation="none was made",
            by=account(),
            preparation=preparation,
            before=before,
            disaster_at=before.at,
            recovered_by=RECOVER[scenario],
            # Before this one measures itself, or it would be its own predecessor.
            earlier=earlier_drill(load_system(system), scenario),
        )

    def made(self, simulation: Simulation, incident: IncidentRecord) -> None:
        """The disaster has been made."""
        self._result = replace(self._result, simulation=simulation.id, disaster_at=simulation.at)
        incident.note(f"{simulation.scenario} made on purpose: simulation {simulation.id}")

    def verified(self, found: VerifiedRecovery, incident: IncidentRecord, *, restored: bool, loss: Loss | None) -> None:
        """It was recovered and has been asked; the clock stops.

        ``restored``: data came back from copies, and ``loss`` is the recovery's word on what they lack.
        """
        seconds = time.monotonic() - self._begin
        loss = loss if restored else _untouched(found.loss)
        verdict = held_against(load_system(self._system).objectives[self._result.scenario], seconds, loss)
        # Their rows are gone after any recovery: who compares before with after has to know that.
        remarks = tuple(f"{one.name}: {one.detail}" for one in found.findings if one.name == UNLOGGED)
        self._result = replace(self._result, verdict=verdict, failed=found.judged.reasons, remarks=remarks)
        if loss is not None:
            self._result = replace(self._result, loss=loss.explanation)
        incident.measured(f"{self._result.system} {DRILLED}", verdict, found.phases, loss)

    def compared(self, after: Metrics) -> None:
        """The figures of afterwards."""
        self._result = replace(self._result, after=after)

    def ended(self, error: BaseException | None) -> Quarterly:
        """The result, published, also of a drill that went wrong."""
        if error is not None:
            self._result = replace(self._result, error=f"{type(error).__name__}: {error}")
        result = self._result
        publish_table(
            "quarterly-objectives", objective_rows(result), "Measured recovery time and point against the targets"
        )
        publish_table("quarterly-comparison", comparison_rows(result), "The system before the disaster and after")
        publish_markdown("quarterly-report", report(result), "The quarterly drill")
        return result


def _untouched(found: Loss | None) -> Loss:
    """Nothing was restored, so nothing can be lacking; unless a canary row is, which this host has seen committed."""
    if found is not None and found.restored is not None and _row(found.last) > _row(found.restored):
        return found
    return Loss(0.0, True, NO_LOSS)


def _row(beat: Beat | None) -> int:
    return beat.seq if beat is not None else 0
