"""How is it, how bad, what now: everything that is seen of a system in under ten seconds, and what follows from it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from dr.configuration.model import System
from dr.operations.assess.gather import USUAL_SECONDS, Gathered, Late, gather
from dr.operations.assess.prober import Prober
from dr.operations.assess.questions import questions
from dr.operations.assess.wire import Line, Topic
from dr.policy.copies_in_sight import Held, Place, judge_copies
from dr.policy.drills_in_sight import judge_drills
from dr.policy.folding import fold
from dr.policy.next_step import Circumstances, NextStep, next_step
from dr.policy.objectives import Scenario
from dr.policy.observation import Condition, Observation, Subject, not_asked, silent
from dr.policy.severity import Judgement, judge
from dr.policy.wal_in_sight import WalSeen, judge_wal

SHOWN = (
    Subject.DATABASE,
    Subject.REDIS,
    Subject.APPLICATION,
    Subject.DISK,
    Subject.BACKUPS,
    Subject.OFF_SITE,
    Subject.KEY,
    Subject.WAL,
    Subject.STANDBY,
    Subject.CERTIFICATES,
    Subject.DRILLS,
    Subject.SCHEDULES,
    Subject.UNFINISHED,
)
"""What every assessment speaks of, configured or not."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """A system as it was seen at ``at`` within ``seconds``, and what to do next. Holds no secrets."""

    system: str
    at: datetime
    seconds: float
    observations: tuple[Observation, ...]
    judgement: Judgement
    next_step: NextStep

    def of(self, subject: Subject) -> tuple[Observation, ...]:
        """What was seen of one subject, the worst first."""
        return tuple(item for item in self.observations if item.subject is subject)


def assess(
    system: System,
    seconds: float = USUAL_SECONDS,
    *,
    words: tuple[str, ...] = (),
    already: tuple[Observation, ...] = (),
    prober: Prober | None = None,
) -> Assessment:
    """Look at everything at once; never raises for what it finds, and takes ``seconds`` at the most.

    ``words`` are put behind the commands that are advised; ``already`` is what the caller has seen itself; ``prober``
    is one that was begun earlier, to be ready by now.
    """
    begin = time.monotonic()
    with nullcontext(prober) if prober is not None else Prober() as asking:
        found = gather(asking, system, questions(system, os.environ), seconds)
    now = datetime.now(UTC)
    wal = _wal(found)
    seen = (*already, *_observations(system, found, wal, now))
    recovery = system.procedures.recovery
    folded = _with_absent(fold(seen, recovery.database_service, recovery.redis_service))
    judged = judge(folded)
    measured = tuple(item for line in found.lines for item in line.measured)
    in_place = recovery.data_directory is not None and recovery.database_service is not None
    around = Circumstances(words, measured, wal.safe_until, now, in_place)
    step = next_step(judged, folded, around, dict(system.objectives))
    return Assessment(system.name, now, round(time.monotonic() - begin, 3), folded, judged, step)


def _observations(system: System, found: Gathered, wal: WalSeen, now: datetime) -> Iterator[Observation]:
    devices: set[str] = set()
    held = _held(found)
    answered = {item.store for item in held if not item.problem}
    for line in found.lines:
        device = line.notes.get("device", "")
        if device not in devices:
            yield from _of_line(line, answered)
        devices |= {device} if device else set()
    yield from (_of_late(late) for late in found.late if late.question.topic is Topic.ITSELF)
    unasked = {one.question.name for one in found.late if one.question.subject is Subject.STORE and not one.asked}
    places = [Place(store.name, store.kind == "local", store.name not in unasked) for store in system.stores]
    yield from judge_copies(places, held, now)
    yield from _of_wal(system, found, wal, now)
    yield _drills(system, found, now)


def _held(found: Gathered) -> list[Held]:
    """What each store told, with what it has of components where it came to that."""
    beside = {line.answers.name: line.components for line in found.lines if line.answers and line.components}
    told = [line.held for line in found.lines if line.held is not None]
    return [replace(item, components=beside.get(item.store, ())) for item in told]


def _of_line(line: Line, answered: set[str]) -> Iterator[Observation]:
    """What a question was answered. That a store fails is told once, whatever else was asked of it."""
    question = line.answers
    if question is None or question.subject is not Subject.STORE or question.topic is Topic.ITSELF:
        yield from line.observed
    elif question.topic is Topic.WAL and question.name in answered:
        for item in line.observed:
            yield replace(item, subject=Subject.WAL, condition=Condition.IMPAIRED)


def _of_late(late: Late) -> Observation:
    tell = silent if late.asked else not_asked
    return tell(late.question.subject, late.seconds, late.question.name)


def _of_wal(system: System, found: Gathered, wal: WalSeen, now: datetime) -> Iterator[Observation]:
    if not system.postgres.configured and not system.postgres.physical:
        return
    rpo = system.objectives[Scenario.DATABASE_CORRUPTION].rpo_seconds
    told = judge_wal(system.wal.method, wal, rpo, now)
    if told is not None:
        yield told
        return
    late = [item for item in found.late if item.question.subject is Subject.WAL]
    yield (
        _of_late(replace(late[0], question=replace(late[0].question, name="")))
        if late
        else Observation(Subject.WAL, Condition.IMPAIRED, "UNKNOWN", "no store tells what WAL it has")
    )


def _wal(found: Gathered) -> WalSeen:
    receiver = next((line.receiver for line in found.lines if line.receiver is not None), None)
    stored = [line.recoverable for line in found.lines if line.recoverable is not None]
    # The store from which most can be recovered: one that is whole before one that is broken, then the newest.
    best = max(
        stored,
        key=lambda item: (not item.broken, item.newest is not None, item.newest or datetime.min.replace(tzinfo=UTC)),
        default=None,
    )
    written = next((line.written for line in found.lines if line.written is not None), None)
    return WalSeen(receiver, best, written)


def _drills(system: System, found: Gathered, now: datetime) -> Observation:
    told = [line.drills for line in found.lines if line.drills is not None]
    last: dict[str, datetime] = {}
    for drills in told:
        for method, moment in drills.last.items():
            last[method] = max(moment, last.get(method, moment))
    wanted = told[0].wanted if told else ()
    return judge_drills(last if told else None, wanted, system.drill.max_age_days, now)


def _with_absent(seen: Iterable[Observation]) -> tuple[Observation, ...]:
    known = tuple(seen)
    there = {item.subject for item in known}
    absent = [
        Observation(subject, Condition.ABSENT, str(Condition.ABSENT)) for subject in SHOWN if subject not in there
    ]
    order = list(Subject)
    return tuple(sorted((*known, *absent), key=lambda item: order.index(item.subject)))
