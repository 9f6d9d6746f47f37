"""Put together what a drill found: the verdict, RTO and RPO against the objective, and the record that is kept."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dr.catalog.drills import DrillPhase, DrillProbe, DrillRecord
from dr.catalog.manifest import Level
from dr.configuration.model import System
from dr.errors import DrillInconclusive, ObjectiveMissed, PartialBackup, RecoveryFailed
from dr.evidence.phases import Phase, Stopwatch, merge
from dr.operations.drill.draw import Drawn
from dr.operations.drill.question import Questioned
from dr.operations.restore import Restored
from dr.policy import drill_verdict
from dr.policy.drill_age import canary_probe, dump_age_probe, label_probe, newest_probe
from dr.policy.drill_draw import DrillRequest
from dr.policy.drill_method import Method
from dr.policy.drill_verdict import Answer, Probe
from dr.policy.recovery_target import TargetKind

_OF_A_RECOVERY = ("replay", "boot", "check")
"""Phases of the questioning that a recovery has too; what a drill asks besides is not part of its RTO."""


@dataclass(slots=True)
class Progress:
    """How far a drill has come: what was drawn, restored, answered, and the error that ended it, as answers.

    The stopwatch has ``choose`` and ``restore``, from begin to end as a recovery would wait for them.
    """

    begin: datetime = field(default_factory=lambda: datetime.now(UTC))
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    drawn: Drawn | None = None
    restored: Restored | None = None
    questioned: Questioned | None = None
    faults: tuple[Probe, ...] = ()


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
    return None if moment is None else max((moment - asked.canary.committed_at).total_seconds(), 0.0)


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
    phases = (*_chosen(progress), *(restored.phases if restored else ()), *(asked.phases if asked else ()))
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
        level=_named(judgement.level),
        phases=tuple(DrillPhase(phase.name, round(phase.seconds, 3), phase.bytes) for phase in merge(phases)),
        probes=tuple(DrillProbe(item.name, str(item.answer), _named(item.level), item.detail) for item in probes),
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


def _chosen(progress: Progress) -> tuple[Phase, ...]:
    return tuple(phase for phase in progress.stopwatch.phases if phase.name == "choose")


def require(record: DrillRecord, kept: str = "") -> None:
    """Raise what a drill that is not green ends with: bad backup, undecided, bad copy beside a good one, too slow."""
    what = f"the {record.method} drill of {record.label or record.system}"
    reasons = "; ".join(record.reasons)
    if record.verdict == drill_verdict.Verdict.NOT_RECOVERABLE:
        raise RecoveryFailed(f"{what}: not recoverable, level {record.level} is not reached", reasons, _advice(kept))
    if record.verdict == drill_verdict.Verdict.INCONCLUSIVE:
        raise DrillInconclusive(
            f"{what} is inconclusive: it could not tell",
            reasons,
            "Nothing is known to be wrong with the backup. Mend on this host what is named above, and drill again.",
        )
    if record.notes:
        raise PartialBackup(
            f"{what}: recoverable, but not from every copy",
            "; ".join(record.notes),
            "Another copy was taken. See which are damaged with dr verify, and make a new backup (dr backup --cloud).",
        )
    missed = _missed(record)
    if missed:
        raise ObjectiveMissed(
            f"{what}: recoverable, but {' and '.join(missed)}",
            hint="Look at the phases: dr drills. A faster disk, a store nearby, or more frequent base backups help.",
        )


def _advice(kept: str) -> str:
    advice = (
        "Do not count on this backup. Make a new one now (dr backup --cloud --full), then read the other copies "
        "(dr verify) and drill an older one (dr drill --backup LABEL)."
    )
    if kept:
        advice += f" The copy lies in {kept} for you to look into; it is the database in plain: remove it afterwards."
    return advice


def _missed(record: DrillRecord) -> list[str]:
    missed = []
    if record.rto_seconds is not None and record.rto_seconds > record.rto_target:
        missed.append(f"RTO {record.rto_seconds:.1f} s is over the objective of {record.rto_target:.0f} s")
    if None not in (record.rpo_seconds, record.rpo_target) and (record.rpo_seconds or 0) > (record.rpo_target or 0):
        missed.append(f"RPO {record.rpo_seconds:.1f} s is over the objective of {record.rpo_target:.0f} s")
    return missed


def _reached(progress: Progress) -> Level | None:
    if progress.questioned is not None:
        return progress.questioned.level
    return Level.STORED if progress.drawn is not None else None


def _named(level: Level | None) -> str:
    return "" if level is None else level.name.lower().replace("_", "-")


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
