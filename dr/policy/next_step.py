"""What to type next, and what that will probably take and lose. Pure; a forecast is always called one."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dr.policy.drill_age import shown
from dr.policy.objectives import Objective, Scenario
from dr.policy.observation import Condition, Observation, Sign, Subject
from dr.policy.severity import Judgement

ENCRYPTS_ONLY = "OK (encrypts only)"
"""What is shown of a key whose secret half is not on this host."""
_TODAY_SECONDS = 86400.0
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
NOTHING_MEASURED = "no forecast: nothing measured yet"

_RECOVERY: dict[Scenario, tuple[str, ...]] = {
    Scenario.DATABASE_CORRUPTION: ("recover-db",),
    Scenario.APPLICATION_FAILURE: ("recover-app",),
    Scenario.FULL_SYSTEM_FAILURE: ("full-recovery",),
    Scenario.DATA_CENTER_OUTAGE: ("failover",),
}
_RESTORES = (Scenario.DATABASE_CORRUPTION, Scenario.FULL_SYSTEM_FAILURE)
_PROCEDURES: dict[str, tuple[str, ...]] = {
    "recover-database": ("recover-db",),
    "recover-db-in-place": ("recover-db", "--in-place"),
    "undo-recovery": ("recover-db", "--undo"),
    "recover-app": ("recover-app",),
    "full-recovery": ("full-recovery",),
    "full-recovery-exercise": ("full-recovery", "--exercise"),
    "region-failover": ("failover",),
    "fail-back": ("failback",),
}
"""Procedures by the names of their journals, and the command that goes on with each."""

_CARE: dict[Subject, tuple[tuple[str, ...], str]] = {
    Subject.DATABASE: (("config", "show"), "see with which role and address the database is asked"),
    Subject.BACKUPS: (("backup", "--cloud"), "make a backup now, in every store"),
    Subject.OFF_SITE: (("backup", "--cloud"), "make a backup now that lies away from this host as well"),
    Subject.STORE: (("store", "probe"), "see what the stores really do"),
    Subject.KEY: (("config", "show"), "see which key is configured, and bring a usable one"),
    Subject.WAL: (("wal", "status"), "see how far the receiver is; `dr wal receive` begins it"),
    Subject.DISK: (("assess",), "free space or mount the disk first, then look again"),
    Subject.STANDBY: (("assess",), "look at the second region's server first, then look again"),
    Subject.CERTIFICATES: (("certificates",), "see which certificate has to be renewed"),
    Subject.DRILLS: (("drill",), "show that a recovery works"),
    Subject.SCHEDULES: (("deploy",), "register the procedures again once Prefect's server runs"),
    Subject.CONFIGURATION: (("config", "show"), "see what is configured, and where from"),
}


@dataclass(frozen=True, slots=True)
class Measured:
    """What a procedure is known to take on this system, and where that comes from; ``seconds`` None: not known.

    ``until``: all commits up to then would be there again. ``kind`` is ``run`` (its journal), ``rates`` or ``drill``.
    ``procedure`` is the journal's name, for rates the command, for drills the scenario. ``at``: when it was.
    """

    procedure: str
    seconds: float | None
    basis: str
    kind: str = "run"
    until: datetime | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NextStep:
    """``command`` is complete, to be copied; empty when nothing has to be done. ``why`` says what it is for.

    ``rto`` and ``rpo`` are sentences; the figures, in seconds, are None where nothing was measured.
    """

    command: str = ""
    why: str = ""
    rto: str = ""
    rpo: str = ""
    rto_seconds: float | None = None
    rpo_seconds: float | None = None
    objective: Objective | None = None
    before: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the command depends on besides the verdict.

    ``words`` are put behind every command (``--system shop``); ``safe_until``: commits up to then are in a store;
    ``in_place``: production's data directory and its service are on this host.
    """

    words: tuple[str, ...]
    measured: tuple[Measured, ...]
    safe_until: datetime | None
    now: datetime
    in_place: bool = False


def next_step(
    judged: Judgement, seen: Sequence[Observation], around: Circumstances, objectives: dict[Scenario, Objective]
) -> NextStep:
    """A recovery that was cut off today goes on first; then the likely disaster's; then what the worst reason asks for.

    What was cut off long ago is no part of today's disaster: it comes in its turn.
    """
    cut = next((item for item in seen if item.subject is Subject.UNFINISHED and item.name in _PROCEDURES), None)
    if cut is not None and cut.figure < _TODAY_SECONDS:
        return _going_on(cut, around)
    if judged.scenario is not None:
        return _recovery(judged, seen, around, objectives[judged.scenario])
    if any(item.sign is Sign.STARTING for item in seen):
        return NextStep(_typed(("assess",), around.words), "it is starting by itself: look again in a minute")
    if not judged.known:
        return NextStep(
            _typed(("assess", "--seconds", "30"), around.words), f"look again, for longer: {judged.because}"
        )
    for reason in judged.reasons:
        if reason.subject is Subject.UNFINISHED and cut is not None:
            return _going_on(cut, around)
        if reason.subject in _CARE:
            words, why = _care(reason.subject, seen)
            return NextStep(_typed(words, around.words), why)
    return NextStep()


def _going_on(cut: Observation, around: Circumstances) -> NextStep:
    why = f"{cut.detail}; the same command, with the options it was begun with, goes on where it was"
    return NextStep(_typed(_PROCEDURES[cut.name], around.words), why)


def _recovery(judged: Judgement, seen: Sequence[Observation], around: Circumstances, objective: Objective) -> NextStep:
    scenario = judged.scenario or Scenario.DATABASE_CORRUPTION
    words = _RECOVERY[scenario]
    if around.in_place and scenario is Scenario.DATABASE_CORRUPTION:
        words = (*words, "--in-place")
    seconds, basis = _duration(scenario, words, around.measured)
    rpo_seconds, rpo = _loss(scenario, around)
    return NextStep(
        command=_typed(words, around.words),
        why=f"it looks like {scenario}: {judged.because}",
        rto=_rto(seconds, basis, objective),
        rpo=f"{rpo} (objective {shown(timedelta(seconds=objective.rpo_seconds))})",
        rto_seconds=seconds,
        rpo_seconds=rpo_seconds,
        objective=objective,
        before=tuple(_before(scenario, seen)),
    )


def _before(scenario: Scenario, seen: Iterable[Observation]) -> Iterable[str]:
    """What costs a minute and may make the recovery needless, or has to be so before it can work."""
    for item in seen:
        if item.subject is Subject.DATABASE:
            yield from _before_the_database(scenario, item)
        if item.subject is Subject.BACKUPS and item.condition.offline and scenario in _RESTORES:
            yield f"find a copy to restore from (dr store probe): {item.detail}"
        if item.subject is Subject.KEY and item.condition is Condition.DOWN and scenario in _RESTORES:
            yield f"bring a usable key: {item.detail}"
        if item.subject is Subject.DISK and item.condition.offline:
            yield f"mend the disk: {item.detail}"
        if item.subject is Subject.KEY and item.shown == ENCRYPTS_ONLY and scenario in _RESTORES:
            yield "bring the escrowed secret key to the host that restores (encryption.secret_key_file)"


def _before_the_database(scenario: Scenario, item: Observation) -> Iterable[str]:
    if scenario is Scenario.APPLICATION_FAILURE and item.condition.rank > 0:
        yield f"see whether the database is the cause (dr config show): {item.detail}"
    if scenario is not Scenario.DATABASE_CORRUPTION or item.sign is Sign.CORRUPT:
        return
    if item.sign is Sign.MISSING:
        yield "see that the address is the right one, and nothing was merely renamed (dr config show)"
        yield "if it was dropped, so it is again at the newest WAL: add --target-time with a moment before that"
    else:
        yield "nothing tells of damaged data yet: if PostgreSQL was merely stopped, begin it, and look again"


def _duration(scenario: Scenario, command: Sequence[str], measured: Iterable[Measured]) -> tuple[float | None, str]:
    """A whole run tells more than a forecast from rates, and that more than drills of the parts; then the newest."""
    known = [item for item in measured if item.seconds is not None and _is_about(item, scenario, command)]
    known.sort(key=lambda item: item.at or _LONG_AGO, reverse=True)
    best = min(known, key=lambda item: ("run", "rates", "drill").index(item.kind), default=None)
    return (best.seconds, best.basis) if best is not None else (None, "")


def _is_about(item: Measured, scenario: Scenario, command: Sequence[str]) -> bool:
    """A run is of one way to do it: beside, in place and back again take each their own time."""
    if item.kind == "drill":
        return item.procedure == str(scenario)
    if item.kind == "rates":
        return item.procedure == command[0]
    return _PROCEDURES.get(item.procedure) == tuple(command)


def _rto(seconds: float | None, basis: str, objective: Objective) -> str:
    target = f"objective {shown(timedelta(seconds=objective.rto_seconds))}"
    if seconds is None:
        return f"{NOTHING_MEASURED} ({target})"
    return f"about {shown(timedelta(seconds=seconds))}, a forecast from {basis} ({target})"


def _loss(scenario: Scenario, around: Circumstances) -> tuple[float | None, str]:
    if scenario is Scenario.APPLICATION_FAILURE:
        return 0.0, "nothing is restored, so nothing is lost"
    known = [item.until for item in around.measured if item.until is not None]
    until = max((moment for moment in (around.safe_until, *known) if moment is not None), default=None)
    if until is None:
        return None, "no forecast: nothing in sight tells up to when commits are safe"
    seconds = max((around.now - until).total_seconds(), 0.0)
    moment = f"{until.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return seconds, f"at most what was committed after {moment}, {shown(timedelta(seconds=seconds))} ago, a forecast"


def _care(subject: Subject, seen: Iterable[Observation]) -> tuple[tuple[str, ...], str]:
    """What the worst observation of a subject asks for."""
    worst = max((item for item in seen if item.subject is subject), key=lambda item: item.condition.rank, default=None)
    words, why = _CARE[subject]
    if worst is None:
        return words, why
    if worst.sign is Sign.UNASKED:
        return ("assess", "--seconds", "30"), "look again, for longer: this host was too busy to ask"
    if worst.remedy:
        return (worst.remedy,), "make a backup now of what has none, in every store"
    if worst.sign is Sign.READ_ONLY:
        if any(item.subject is Subject.STANDBY and item.condition is Condition.OK for item in seen):
            # The name may have moved to the second region by itself: who is in charge has to be seen first.
            return ("failover", "--dry-run"), "see which of both regions' servers is in charge; `dr failover` promotes"
        return words, "see whether the address is the primary's: if so, promote it, or end what makes it read-only"
    if subject is Subject.OFF_SITE and worst.condition is Condition.ABSENT:
        return ("config", "show"), "give the system a store away from this host: every copy is on it"
    if worst.condition is Condition.SILENT and subject in (Subject.BACKUPS, Subject.OFF_SITE):
        return _CARE[Subject.STORE]
    if subject is Subject.WAL and worst.condition is Condition.DOWN:
        return ("backup", "--kind", "base", "--full", "--cloud"), "make a new base backup: recovery goes on from there"
    return words, why


def _typed(command: Sequence[str], words: Sequence[str]) -> str:
    return shlex.join(("dr", *command, *words))
