"""Put together what a drill found: the verdict, RTO and RPO against the objective, and the record that is kept."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dr.catalog.drills import DrillRecord
from dr.catalog.manifest import Level
from dr.configuration.model import System
from dr.operations.drill.course import Course, named, phases_kept, probes_kept
from dr.operations.drill.draw import Drawn
from dr.operations.drill.lay_out import directory_of
from dr.operations.drill.question import Questioned
from dr.operations.restore import Restored
from dr.policy import drill_verdict
from dr.policy.drill_age import canary_probe, dump_age_probe, label_probe, newest_probe
from dr.policy.drill_draw import DrillRequest
from dr.policy.drill_method import Method
from dr.policy.drill_verdict import Answer, Probe
from dr.policy.loss import drilled_loss
from dr.policy.recovery_target import TargetKind

_OF_A_RECOVERY = ("replay", "boot", "check")
"""Phases of the questioning that a recovery has too; what a drill asks besides is not part of its RTO."""


@dataclass(slots=True)
class Progress(Course):
    """The course of a drill of the database: what was drawn, restored and answered."""

    drawn: Drawn | None = None
    restored: Restored | None = None
    questioned: Questioned | None = None

    @property
    def copy(self) -> Path | None:
        return None if self.drawn is None else directory_of(self.drawn).directory


def all_probes(system: System, request: DrillRequest, progress: Progress, now: datetime) -> tuple[Probe, ...]:
    """Everything that was answered, and how old what came back is."""
    found = list(progress.faults)
    drawn, asked = progress.drawn, progress.questioned
    if drawn is None:
        return tuple(found)
    found += [label_probe(link.manifest.parsed_label.created, link.manifest.begin) for link in drawn.chain]
    rpo = system.objectives[request.scenario].rpo_seconds
    if asked is not None:
        found += asked.probes
        if moment := _moment(drawn, asked, now):
            found.append(canary_probe(asked.canary, moment, rpo, hit=asked.hit))
    if not request.backup and not _explicit(request):
        canary = asked is not None and asked.canary is not None
        if request.method is Method.LOGICAL:
            found.append(dump_age_probe(drawn.manifest.begin, now))
        else:
            if drawn.broken:
                found.append(Probe("WAL chain", Answer.FAILED, drawn.broken, Level.STORED))
            newest = drawn.newest or drawn.manifest.server_end or drawn.manifest.end
            found.append(newest_probe(newest, now, rpo, canary=canary))
    return tuple(found)


def _explicit(request: DrillRequest) -> bool:
    return request.target not in ("", "random", "latest")


def _moment(drawn: Drawn, asked: Questioned, now: datetime) -> datetime | None:
    """The moment that the copy should show, by the server's clock."""
    manifest, point = drawn.manifest, drawn.chosen.point
    if asked.level < Level.QUERIED:
        return None
    if drawn.against is not None:
        return drawn.against.begin
    if point is None:
        return manifest.begin
    if point.target.kind is TargetKind.TIME:
        return point.target.time
    if point.target.kind is TargetKind.LATEST:
        return drawn.newest or asked.commit
    return asked.commit or manifest.server_end or manifest.end


def loss_seconds(drawn: Drawn | None, asked: Questioned | None, now: datetime) -> float | None:
    """RPO: what a recovery like this one would have lost, by the canary; of a dump, what is newer than it by now."""
    if drawn is None or asked is None or asked.canary is None:
        return None
    moment = now if drawn.request.method is Method.LOGICAL else _moment(drawn, asked, now)
    return None if moment is None else drilled_loss(asked.canary, moment, asked.commit)


def rto_seconds(progress: Progress) -> float | None:
    """Choosing, restoring, booting and the questions of a recovery; None when it did not come that far."""
    asked = progress.questioned
    if progress.restored is None or asked is None or asked.level < Level.QUERIED:
        return None
    after = sum(phase.seconds for phase in asked.phases if phase.name in _OF_A_RECOVERY)
    return sum(phase.seconds for phase in progress.stopwatch.phases) + after


def conclude(
    system: System, request: DrillRequest, progress: Progress, *, run: str, procedure: str, now: datetime | None = None
) -> DrillRecord:
    """The record of a drill, with its verdict."""
    now = now or datetime.now(UTC)
    probes = all_probes(system, request, progress, now)
    judgement = drill_verdict.judge(probes, _reached(progress))
    drawn, asked, restored = progress.drawn, progress.questioned, progress.restored
    manifest = drawn.manifest if drawn else None
    objective = system.objectives[request.scenario]
    point = drawn.chosen.point if drawn else None
    target = point.target if point else None
    phases = (*progress.chosen, *(restored.phases if restored else ()), *(asked.phases if asked else ()))
    return DrillRecord(
        run=run,
        system=system.name,
        procedure=procedure,
        scenario=str(request.scenario),
        seed=drawn.seed if drawn else request.seed or None,
        label=manifest.label if manifest else request.backup,
        kind=str(manifest.kind) if manifest else "",
        method=str(request.method),
        store=restored.store if restored else ", ".join(request.stores),
        asked=drawn.asked if drawn else request.target,
        target_lsn=str(target.lsn) if target and target.lsn else None,
        target_time=target.time.isoformat() if target and target.time else None,
        timeline=str(point.timeline) if point else None,
        server_version=manifest.server_version if manifest else 0,
        begin=progress.begin,
        end=now,
        seconds=(now - progress.begin).total_seconds(),
        rto_seconds=rto_seconds(progress),
        rpo_seconds=loss_seconds(drawn, asked, now),
        rto_target=objective.rto_seconds,
        rpo_target=None if request.method is Method.LOGICAL else objective.rpo_seconds,
        verdict=str(judgement.verdict),
        level=named(judgement.level),
        phases=phases_kept(phases),
        probes=probes_kept(probes),
        reasons=judgement.reasons,
        unproven=judgement.unproven,
        reached=asked.reached if asked else "",
        database_bytes=asked.database_bytes if asked else 0,
        stored_bytes=_stored_bytes(drawn),
        tools=dict(manifest.tools) if manifest else {},
        host=platform.node(),
        notes=_notes(progress),
        repeat=repeat_command(system, request, drawn),
    )


def _reached(progress: Progress) -> Level | None:
    if progress.questioned is not None:
        return progress.questioned.level
    return Level.STORED if progress.drawn is not None else None


def _stored_bytes(drawn: Drawn | None) -> int:
    if drawn is None:
        return 0
    wal = drawn.chosen.point.fetch_bytes if drawn.chosen.point else 0
    return sum(found.manifest.stored_bytes for found in drawn.chain) + wal


def _notes(progress: Progress) -> tuple[str, ...]:
    """Copies that could not be used, of backups and of WAL."""
    restored = progress.restored.notes if progress.restored else ()
    asked = progress.questioned.notes if progress.questioned else ()
    return (*restored, *asked)


def repeat_command(system: System, request: DrillRequest, drawn: Drawn | None) -> tuple[str, ...]:
    """The command line that restores the very same again, whatever the window has become meanwhile."""
    words = [
        "dr",
        "--system",
        system.name,
        "drill",
        "--scenario",
        str(request.scenario),
        "--method",
        str(request.method),
    ]
    if drawn is None:
        return tuple(words)
    words += ["--seed", str(drawn.seed)]
    words += ["--backup", drawn.against.label if drawn.against else drawn.manifest.label]
    for store in request.stores:
        words += ["--store", store]
    point = drawn.chosen.point
    if point is None or drawn.against is not None:
        return tuple(words)
    target = point.target
    match target.kind:
        case TargetKind.TIME if target.time is not None:
            words += ["--target", target.time.isoformat()]
        case TargetKind.LSN:
            words += ["--target", str(target.lsn)]
        case TargetKind.LATEST if point.end is not None:
            # What is newest now is not newest then: the end of this one's WAL is.
            words += ["--target", str(point.end), "--exclusive"]
        case _:
            words += ["--target", "immediate"]
    words += ["--timeline", str(point.timeline)]
    if not target.inclusive:
        words.append("--exclusive")
    return tuple(words)
