"""Put together what a component's drill found: the verdict, RTO and RPO, and the record that is kept."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dr.catalog.drills import DrillRecord
from dr.catalog.manifest import Level
from dr.components.protocol import Laid
from dr.components.registry import BY_KIND
from dr.configuration.model import System
from dr.operations.component.drill.draw import DrawnComponent
from dr.operations.component.drill.question import Answered
from dr.operations.component.restore import RestoredComponent
from dr.operations.drill.course import Course, named, phases_kept, probes_kept
from dr.policy import drill_verdict
from dr.policy.component_draw import ComponentRequest
from dr.policy.drill_age import component_age_probe, label_probe, shows
from dr.policy.drill_verdict import Probe


@dataclass(slots=True)
class ComponentProgress(Course):
    """The course of a component's drill: what was drawn, restored and answered."""

    drawn: DrawnComponent | None = None
    restored: RestoredComponent | None = None
    answered: Answered | None = None

    @property
    def copy(self) -> Path | None:
        return None if self.drawn is None else self.drawn.copy

    @property
    def reached(self) -> Level | None:
        """The highest level that the drill itself came to."""
        if self.answered is not None:
            return self.answered.level
        if self.restored is not None:
            return Level.RESTORED
        return Level.STORED if self.drawn is not None else None

    @property
    def rto_seconds(self) -> float | None:
        """From its begin until the copy had answered; None when it did not come that far."""
        if self.answered is None:
            return None
        return sum(phase.seconds for phase in self.stopwatch.phases) + self.answered.phase.seconds


def all_probes(request: ComponentRequest, progress: ComponentProgress, now: datetime) -> tuple[Probe, ...]:
    """Everything that was answered, and how old what came back is."""
    found = list(progress.faults)
    if progress.drawn is None:
        return tuple(found)
    manifest = progress.drawn.manifest
    found.append(label_probe(manifest.parsed_label.created, manifest.begin))
    if progress.answered is not None:
        found += progress.answered.probes
    if request.newest:
        found.append(component_age_probe(shows(manifest), now, BY_KIND[request.kind].every))
    return tuple(found)


def conclude(
    system: System,
    request: ComponentRequest,
    progress: ComponentProgress,
    *,
    run: str,
    procedure: str,
    now: datetime | None = None,
) -> DrillRecord:
    """The record of a drill, with its verdict.

    The RPO is the age of what the copy shows: no objective of a scenario applies, for a component loses what came after
    its last backup. That its newest is no older than promised is a question of its own.
    """
    now = now or datetime.now(UTC)
    probes = all_probes(request, progress, now)
    judgement = drill_verdict.judge(probes, progress.reached)
    drawn, restored, answered = progress.drawn, progress.restored, progress.answered
    manifest = drawn.manifest if drawn else None
    asked = (answered.phase,) if answered else ()
    return DrillRecord(
        run=run,
        system=system.name,
        procedure=procedure,
        scenario=str(request.scenario),
        seed=drawn.seed if drawn else request.seed or None,
        label=manifest.label if manifest else "" if request.newest or request.any else request.backup,
        kind=str(request.kind),
        method=str(request.kind),
        store=restored.store if restored else ", ".join(request.stores),
        asked=drawn.asked if drawn else request.backup or "the newest",
        begin=progress.begin,
        end=now,
        seconds=(now - progress.begin).total_seconds(),
        rto_seconds=progress.rto_seconds,
        rpo_seconds=max((now - shows(manifest)).total_seconds(), 0.0) if manifest and answered else None,
        rto_target=system.objectives[request.scenario].rto_seconds,
        verdict=str(judgement.verdict),
        level=named(judgement.level),
        phases=phases_kept((*progress.chosen, *(restored.phases if restored else ()), *asked)),
        probes=probes_kept(probes),
        reasons=judgement.reasons,
        unproven=judgement.unproven,
        reached=_brought(restored.laid) if restored else "",
        database_bytes=restored.laid.bytes if restored else 0,
        stored_bytes=manifest.stored_bytes if manifest else 0,
        tools=dict(manifest.tools) if manifest else {},
        host=platform.node(),
        notes=restored.notes if restored else (),
        repeat=repeat_command(system, request, drawn),
    )


def _brought(laid: Laid) -> str:
    return "; ".join((f"{laid.count} restored, {laid.bytes} bytes", *laid.notes))


def repeat_command(system: System, request: ComponentRequest, drawn: DrawnComponent | None) -> tuple[str, ...]:
    """The command line that restores the very same again, whatever has been backed up meanwhile."""
    words = ["dr", "--system", system.name, "drill", "--component", str(request.kind), "--scenario"]
    words.append(str(request.scenario))
    if drawn is not None:
        words += ["--seed", str(drawn.seed), "--backup", drawn.manifest.label]
    for store in request.stores:
        words += ["--store", store]
    return tuple(words)
