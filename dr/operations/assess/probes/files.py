"""What lies on this host: disks, certificates, the receiver's state, PostgreSQL's log, procedures that were cut off.

Any of it may be on a network, where looking can hang for good; each question has its thread, and nobody waits for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dr.configuration.model import System
from dr.evidence.journal import last_work, read_journal, unfinished
from dr.evidence.journal_events import Event
from dr.operations.assess.wire import Line, Question
from dr.operations.certificate_states import certificate_states
from dr.operations.wal.status import read_status
from dr.policy.certificate_age import Urgency
from dr.policy.disk_space import Space, judge_space
from dr.policy.next_step import Measured
from dr.policy.observation import Condition, Observation, Sign, Subject
from dr.policy.server_words import corruption_in, since_last_start
from dr.policy.wal_in_sight import Receiver

_TAIL_BYTES = 64 << 10
_FRESH = timedelta(days=1)
_OTHER_WAYS = ("swap", "search")
"""A recovery that was asked for with one of these takes another time than one without."""
_LOGS = ("log", "pg_log", ".")


def answer(system: System, question: Question) -> Line:
    """By subject."""
    if question.subject is Subject.DISK:
        return _space(question)
    if question.subject is Subject.CERTIFICATES:
        return Line(answers=question, observed=(_certificates(system),))
    if question.subject is Subject.WAL:
        return Line(answers=question, receiver=_receiver(system))
    if question.subject is Subject.DATABASE:
        return Line(answers=question, observed=tuple(_log(system)))
    return _procedures(system, question)


def _space(question: Question) -> Line:
    """Of the file system that the path lies on, or will: what is not there yet is made below what is."""
    path = Path(question.name)
    there = next(place for place in (path, *path.parents) if place.exists())
    found = os.statvfs(there)
    space = Space(
        used=(found.f_blocks - found.f_bfree) * found.f_frsize,
        free=found.f_bavail * found.f_frsize,
        files=found.f_files,
        files_free=found.f_favail,
        read_only=bool(found.f_flag & os.ST_RDONLY),
    )
    device = {"device": str(there.stat().st_dev)}
    return Line(answers=question, observed=(judge_space(question.name, space),), notes=device)


def _certificates(system: System) -> Observation:
    states = certificate_states(system, datetime.now(UTC))
    said = "; ".join(state.reason for state in states if state.urgency is not Urgency.OK)
    urgencies = {state.urgency for state in states}
    if Urgency.EXPIRED in urgencies:
        return Observation(Subject.CERTIFICATES, Condition.DOWN, "EXPIRED", said)
    days = min((state.days_left for state in states if state.days_left is not None), default=None)
    if urgencies & {Urgency.UNKNOWN, Urgency.CRITICAL, Urgency.WARNING}:
        shown = f"RENEW ({days} days left)" if days is not None else "UNUSABLE"
        return Observation(Subject.CERTIFICATES, Condition.IMPAIRED, shown, said)
    left = f", {days} days left" if days is not None else ""
    return Observation(Subject.CERTIFICATES, Condition.OK, f"OK ({len(states)}{left})", said)


def _receiver(system: System) -> Receiver | None:
    status = read_status(system)
    if status is None:
        return None
    return Receiver(
        alive=status.alive,
        updated=status.updated,
        stored_until=status.stored_server_time,
        waiting_segments=status.waiting_segments,
        oldest_waiting_seconds=status.oldest_waiting_seconds,
        base_needed=status.base_needed,
        problems=status.problems,
    )


def _log(system: System) -> Iterator[Observation]:
    """Damage that PostgreSQL has written down since it was last started; nothing where it has not."""
    directory = system.procedures.recovery.data_directory
    newest = _newest_log(directory) if directory is not None else None
    if newest is None:
        return
    with newest.open("rb") as stream:
        stream.seek(max(newest.stat().st_size - _TAIL_BYTES, 0))
        damage = corruption_in(since_last_start(stream.read().decode(errors="replace")))
    if damage:
        yield Observation(
            Subject.DATABASE,
            Condition.IMPAIRED,
            "DAMAGED",
            f"its log {newest.name} says: {damage}",
            "log",
            Sign.CORRUPT,
        )


def _newest_log(directory: Path) -> Path | None:
    oldest = (datetime.now(UTC) - _FRESH).timestamp()
    for place in _LOGS:
        found = [(file.stat().st_mtime, file) for file in (directory / place).glob("*.log")]
        fresh = [item for item in found if item[0] >= oldest]
        if fresh:
            return max(fresh)[1]
    return None


def _procedures(system: System, question: Question) -> Line:
    """What was cut off and can go on, and how long those took that were not."""
    parent = system.state_directory / "procedures" / system.name
    left = ((last_work(read_journal(directory)), first) for directory, first in unfinished(parent, "*", system.name))
    cut = sorted(left, key=lambda one: one[0], reverse=True)
    measured = tuple(_last_runs(parent, system.name))
    if not cut:
        seen = Observation(Subject.UNFINISHED, Condition.OK, "none", "no procedure was cut off on this host")
        return Line(answers=question, observed=(seen,), measured=measured)
    names = ", ".join(f"{first.procedure} of {first.at:%Y-%m-%d %H:%M} UTC" for _, first in cut)
    at, newest = cut[0]
    age = (datetime.now(UTC) - at).total_seconds()
    said = f"{names}: begun and not finished"
    seen = Observation(Subject.UNFINISHED, Condition.IMPAIRED, names, said, newest.procedure, figure=age)
    return Line(answers=question, observed=(seen,), measured=measured)


def _last_runs(parent: Path, system: str) -> Iterator[Measured]:
    """The newest run of each procedure that went from its beginning to its end without a break."""
    newest: dict[str, tuple[Event, Event]] = {}
    for directory in parent.glob("*_*"):
        events = read_journal(directory)
        if not _is_whole(events, system) or any(events[0].parameters.get(name) == "True" for name in _OTHER_WAYS):
            continue
        known = newest.get(events[0].procedure)
        if known is None or events[0].at > known[0].at:
            newest[events[0].procedure] = (events[0], events[-1])
    for first, last in newest.values():
        basis = f"its run of {first.at:%Y-%m-%d %H:%M} UTC on this host"
        yield Measured(first.procedure, (last.at - first.at).total_seconds(), basis, at=first.at)


def _is_whole(events: tuple[Event, ...], system: str) -> bool:
    opened = sum(event.what == "open" for event in events)
    return bool(events) and events[0].system == system and events[-1].what == "close" and opened == 1
