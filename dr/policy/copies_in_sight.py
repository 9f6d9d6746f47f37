"""What the stores answered, as observations: are there backups, are they new and proven, one away from here? Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dr.policy.drill_age import DAILY, shown, too_old
from dr.policy.observation import Condition, Observation, Sign, Subject

RECENT = timedelta(days=7)
"""Backups of the database that are counted on the screen."""


@dataclass(frozen=True, slots=True)
class Place:
    """A store by its name; ``near`` is a directory on this host. ``asked`` False: this host did not get to it."""

    name: str
    near: bool
    asked: bool = True


@dataclass(frozen=True, slots=True)
class Copy:
    """A backup of the database in one store. ``proven`` is the highest level of that copy; empty: never read back."""

    label: str
    created: datetime
    proven: str = ""


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest backup of a component, None when there is none; one is made ``every_seconds`` by ``procedure``."""

    title: str
    created: datetime | None
    every_seconds: float
    procedure: str = "application-backup"


@dataclass(frozen=True, slots=True)
class Held:
    """What one store has: the newest copy of each kind of the database, the labels of the recent ones, components.

    ``problem`` says why it is not known; everything else is empty then.
    """

    store: str
    newest: tuple[Copy, ...] = ()
    recent: tuple[str, ...] = ()
    components: tuple[Latest, ...] = ()
    problem: str = ""
    seconds: float = 0.0


def judge_copies(places: Sequence[Place], held: Sequence[Held], now: datetime) -> tuple[Observation, ...]:
    """One observation of all backups, one of those away from this host, one of each store that does not tell."""
    answered = [item for item in held if not item.problem]
    names = {item.store for item in answered}
    near = {place.name: place.near for place in places}
    away = [item for item in answered if not near.get(item.store, False)]
    distant = [place for place in places if not place.near]
    return (
        _backups(places, answered, now),
        _off_site(distant, away, now),
        *_stores([place for place in places if place.name not in names], held),
    )


def _stores(missing: Iterable[Place], held: Sequence[Held]) -> Iterator[Observation]:
    for place in missing:
        told = next((item for item in held if item.store == place.name), None)
        if told is not None:
            yield Observation(Subject.STORE, Condition.DOWN, "FAILED", told.problem, place.name, seconds=told.seconds)


def _backups(places: Sequence[Place], answered: Sequence[Held], now: datetime) -> Observation:
    def told(condition: Condition, shown: str, detail: str, remedy: str = "") -> Observation:
        return Observation(Subject.BACKUPS, condition, shown, detail, remedy=remedy)

    if not places:
        return told(Condition.ABSENT, "not configured", "the system has no store")
    if not answered:
        return _unreached(Subject.BACKUPS, places, "no store tells what it has")
    copies = [copy for item in answered for copy in item.newest]
    if not copies:
        return told(Condition.DOWN, "NONE", f"no backup of the database in {_names(answered)}")
    recent = {label for item in answered for label in item.recent}
    newest = max(copies, key=lambda copy: (copy.created, copy.label))
    holders = [item.store for item in answered if any(copy.label == newest.label for copy in item.newest)]
    proven = next((copy.proven for copy in copies if copy.label == newest.label and copy.proven), "")
    age = shown(now - newest.created)
    said = f"newest {newest.label}, {age} old, in {', '.join(holders)}, proven: {proven or 'not at all'}"
    count = f"{len(recent)} recent backups" if len(recent) != 1 else "1 recent backup"
    problems = []
    if now - newest.created > DAILY:
        problems.append(f"no backup of the database in {shown(DAILY)}")
    if not proven:
        problems.append(f"{newest.label} was never read back")
    beside = _components(answered, now)
    remedy = "" if problems or not beside else beside[0].procedure
    problems += [item.problem for item in beside]
    if problems:
        return told(Condition.IMPAIRED, f"{count}, {problems[0]}", f"{'; '.join(problems)} ({said})", remedy)
    return told(Condition.OK, count, said)


@dataclass(frozen=True, slots=True)
class _Lacking:
    problem: str
    procedure: str


def _components(answered: Sequence[Held], now: datetime) -> list[_Lacking]:
    """What has no backup of the age that is promised in any store that answers."""
    newest: dict[str, Latest] = {}
    for item in (one for held in answered for one in held.components):
        known = newest.get(item.title)
        if known is None or (item.created is not None and (known.created is None or item.created > known.created)):
            newest[item.title] = item
    problems = []
    for item in newest.values():
        if item.created is None:
            problems.append(_Lacking(f"no backup of {item.title}", item.procedure))
        elif too_old(item.created, now, timedelta(seconds=item.every_seconds)):
            told = f"the newest backup of {item.title} is {shown(now - item.created)} old"
            problems.append(_Lacking(told, item.procedure))
    return problems


def _unreached(subject: Subject, places: Sequence[Place], said: str) -> Observation:
    """A store that this host did not get to asking may be as well as any."""
    names = ", ".join(place.name for place in places)
    if any(not place.asked for place in places):
        told = f"{said} ({names}): this host is too busy to ask"
        return Observation(subject, Condition.IMPAIRED, "NOT ASKED", told, sign=Sign.UNASKED)
    return Observation(subject, Condition.SILENT, "NOT REACHED", f"{said} ({names})")


def _off_site(distant: Sequence[Place], away: Sequence[Held], now: datetime) -> Observation:
    def told(condition: Condition, shown: str, detail: str) -> Observation:
        return Observation(Subject.OFF_SITE, condition, shown, detail)

    if not distant:
        return told(Condition.ABSENT, "not configured", "every copy is on this host")
    if not away:
        return _unreached(Subject.OFF_SITE, distant, "no store away from this host tells what it has")
    copies = [(copy, item.store) for item in away for copy in item.newest]
    if not copies:
        return told(Condition.DOWN, "NONE", f"no backup of the database away from this host ({_names(away)})")
    newest, store = max(copies, key=lambda found: (found[0].created, found[0].label))
    age = now - newest.created
    said = f"{store} has {newest.label}, {shown(age)} old"
    if age > DAILY:
        return told(Condition.IMPAIRED, f"STALE ({shown(age)} old)", f"{said}: the copies of a day are missing there")
    return told(Condition.OK, f"OK ({store}, {shown(age)} old)", said)


def _names(held: Sequence[Held]) -> str:
    return ", ".join(item.store for item in held)
