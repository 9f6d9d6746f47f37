"""What going to the second region and back shows: the plan that is agreed to, and what came of it."""

from __future__ import annotations

from datetime import UTC, datetime

from dr.configuration.model import System
from dr.evidence.findings import held_against
from dr.evidence.journal import unfinished
from dr.operations.region.afterwards import Rearmed, RegionLoss
from dr.operations.region.archive import Replayed
from dr.operations.region.diverged import Diverged
from dr.operations.region.look import Fenced, RegionLook
from dr.operations.region.outcome import FailedBack, FailedOver, failback_rows, failover_rows
from dr.operations.region.rebuild import KeptOut, Rebuilt
from dr.operations.region.switch_back import Handed
from dr.operations.region.take_over import TookOver
from dr.operations.region.traffic import Led
from dr.operations.region.witnesses import quiet_seconds
from dr.policy.objectives import Scenario
from dr.policy.recovered_state import Finding
from dr.services.protocol import Status
from tasks.course import Course, place_of
from tasks.region import phases_of
from tasks.runner import publish_table

LOOK, FAILOVER, FAILBACK = "region-look", "region-failover", "region-failback"


def is_going_on(system: System, procedure: str) -> bool:
    """Whether a run of the procedure was cut off on this host and is to be gone on with."""
    return bool(unfinished(place_of(system), procedure, system.name))


def show_look(seen: RegionLook) -> None:
    """What both regions and the stores say, before anything is done."""
    publish_table(LOOK, [{"seen": line} for line in seen.lines()], "Both regions and the stores, as they are")


def failover_plan(system: System, seen: RegionLook) -> str:
    """What will be done, for whoever agrees to it."""
    region = system.procedures.region
    quiet = f"{quiet_seconds(system):.0f} s"
    return _plan(
        seen,
        f"fence {seen.leader.name} by {', '.join(region.fence)}, and go on only when one of them is proven",
        f"wait until no WAL has come into any store for {quiet}",
        "replay the WAL that the stores have and the replica lacks",
        f"promote {seen.successor.name}",
        f"begin {', '.join(region.services) or 'no service of the application (region.services is empty)'}",
        "lead DNS, balancer and CDN there, verify, and take a base backup",
    )


def failback_plan(system: System, seen: RegionLook) -> str:
    """The same for the way back."""
    directory = system.procedures.region.primary_directory
    return _plan(
        seen,
        f"see that {seen.successor.name} does not serve",
        f"list what only it has, and copy {directory} aside if that is anything",
        "make it a replica (pg_rewind, or a base backup) and wait until it has caught up",
        f"stop the application and shut {seen.leader.name} down; compare: nothing may be missing",
        f"promote {seen.successor.name}, begin its application, lead everybody there, verify",
        f"let {seen.leader.name} follow",
    )


def _plan(seen: RegionLook, *steps: str) -> str:
    shown = "\n".join(f"* {line}" for line in seen.lines())
    numbered = "\n".join(f"{number}. {step}" for number, step in enumerate(steps, start=1))
    return f"{shown}\n\n{numbered}\n"


def failed_over(
    system: System,
    steps: Course,
    fenced: Fenced,
    replayed: Replayed,
    took: TookOver,
    services: tuple[Status, ...],
    led: Led,
    findings: tuple[Finding, ...],
    lost: RegionLoss,
    rearmed: Rearmed,
    label: str,
    since: datetime | None,
) -> FailedOver:
    """All of it as one value, held against the objective of a data-centre outage."""
    phases = phases_of(steps)
    begun = since or steps.journal.begun_at
    verified = max(event.at for event in steps.journal.events if event.what == "end" and "verify" in event.step)
    # Whoever still has the old answer of DNS is not served before it runs out.
    seconds = max(0.0, (max(verified, led.everywhere_at) - begun).total_seconds())
    no_backup = () if label else ("take a base backup of the new primary: dr backup --kind base",)
    return FailedOver(
        system=system.name,
        took=took,
        reasons=fenced.reasons,
        replayed=replayed,
        lost=lost,
        services=tuple(f"{item.service}: {item.state} {item.detail}".strip() for item in services),
        traffic=led.described(),
        everywhere_seconds=led.everywhere_seconds,
        findings=findings,
        verdict=held_against(system.objectives[Scenario.DATA_CENTER_OUTAGE], seconds, lost.loss),
        phases=phases,
        rearmed=rearmed,
        backup=label,
        to_do=(*led.to_do, *rearmed.to_do, *no_backup),
    )


def show_failover(outcome: FailedOver) -> None:
    """What came of it, and how long each step took."""
    publish_table(FAILOVER, failover_rows(outcome), "The second region is in charge")
    rows = [{"step": item.name, "seconds": round(item.seconds, 2)} for item in outcome.phases]
    publish_table(f"{FAILOVER}-phases", rows, "Steps, in seconds")


def prepared(system: System, out: KeptOut, diverged: Diverged, rebuilt: Rebuilt) -> FailedBack:
    """The first region's server follows; the second is still in charge."""
    outcome = FailedBack(
        system=system.name,
        kept_out=str(out),
        diverged=diverged,
        rebuilt=f"{rebuilt.method}: {rebuilt.detail}",
        end=None,
        took=None,
        traffic=(),
        interruption_seconds=None,
        findings=(),
        follows="",
        to_do=("dr failback goes on from here, when people are ready for it",),
    )
    show_failback(outcome)
    return outcome


def failed_back(
    system: System,
    steps: Course,
    out: KeptOut,
    diverged: Diverged,
    rebuilt: Rebuilt,
    handed: Handed,
    took: TookOver,
    led: Led,
    findings: tuple[Finding, ...],
    follows: str,
    rearmed: Rearmed,
) -> FailedBack:
    """All of it as one value."""
    times = {event.step: event.at for event in steps.journal.events if event.what == "end"}
    begun = [
        event.at for event in steps.journal.events if event.what == "begin" and event.step == "end the application"
    ]
    pause = (times["begin the application"] - min(begun)).total_seconds()
    return FailedBack(
        system=system.name,
        kept_out=str(out),
        diverged=diverged,
        rebuilt=f"{rebuilt.method}: {rebuilt.detail}",
        end=handed.end,
        took=took,
        traffic=led.described(),
        interruption_seconds=max(0.0, pause),
        findings=findings,
        follows=follows,
        to_do=(*led.to_do, *rearmed.to_do),
    )


def show_failback(outcome: FailedBack) -> None:
    """What came of it."""
    publish_table(FAILBACK, failback_rows(outcome), f"The way back, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
