"""Which of the guide's four disasters it looks like, from what was seen. Pure.

A likelihood and no verdict: the person decides. What is damaged comes before what is merely away, and a cause before
what suffers from it: an application cannot be healthy without its database.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dr.policy.objectives import Scenario
from dr.policy.observation import Condition, Observation, Sign, Subject

_PRODUCT = (Subject.DATABASE, Subject.REDIS, Subject.APPLICATION)


@dataclass(frozen=True, slots=True)
class Likely:
    """``scenario`` None: none of the four, nothing has to be recovered. Not ``known``: too little was seen to tell."""

    scenario: Scenario | None
    because: str = ""
    known: bool = True


def is_damaged(item: Observation) -> bool:
    """Whether data is known to be damaged there."""
    return item.sign is Sign.CORRUPT and item.condition is not Condition.ABSENT


def takes_no_writes(item: Observation) -> bool:
    """Whether it is known that nobody can write to it, though it answers."""
    return item.sign is Sign.READ_ONLY and item.condition.rank > 0


def is_unasked(item: Observation) -> bool:
    """Whether nothing is known of it, because nobody got to asking."""
    return item.sign is Sign.UNASKED


def is_complete(seen: Iterable[Observation]) -> bool:
    """Whether everything that makes the product is offline; a single part that is known says nothing of the whole."""
    known = [item for item in seen if item.subject in _PRODUCT and item.condition is not Condition.ABSENT]
    return len(known) > 1 and all(item.condition.offline for item in known)


def likely_scenario(seen: Sequence[Observation]) -> Likely:
    """The disaster that explains most of it."""
    database = _of(seen, Subject.DATABASE)
    for item in database:
        if is_damaged(item):
            return Likely(Scenario.DATABASE_CORRUPTION, str(item))
        if item.sign is Sign.MISSING and item.condition.offline:  # whatever else is down, no host is lost
            return Likely(Scenario.DATABASE_CORRUPTION, f"{_word(item)}; its server answers")
    if is_complete(seen):
        return _everything(seen)
    for item in database:
        if item.condition.offline or takes_no_writes(item):
            return _unusable(item, seen)
    return _application(database, seen)


def _application(database: Sequence[Observation], seen: Sequence[Observation]) -> Likely:
    """What is left when the database has no fault, or none that is known."""
    for subject in (Subject.APPLICATION, Subject.SERVICE, Subject.REDIS):
        for item in _of(seen, subject):
            if item.condition.rank > 0 and not is_unasked(item):
                return Likely(Scenario.APPLICATION_FAILURE, f"{_word(item)}; {_cause(database)}")
    unasked = [item.what for item in seen if item.subject in _PRODUCT and is_unasked(item)]
    if unasked:
        return Likely(
            None, f"this host was too busy to ask {' and '.join(unasked)}: nothing is known of it", known=False
        )
    return Likely(None, "no part of the product has to be recovered")


def _unusable(database: Observation, seen: Sequence[Observation]) -> Likely:
    if takes_no_writes(database):
        return Likely(None, f"{_word(database)}: no copy has to be restored for that")
    if database.sign is Sign.STARTING:
        return Likely(None, f"{_word(database)}: it may come by itself")
    return Likely(Scenario.DATABASE_CORRUPTION, f"{_word(database)}; {_rest(seen)}")


def _everything(seen: Sequence[Observation]) -> Likely:
    standby = [item for item in _of(seen, Subject.STANDBY) if item.condition in (Condition.OK, Condition.IMPAIRED)]
    if standby:
        return Likely(Scenario.DATA_CENTER_OUTAGE, "nothing of the product answers, and the second region does")
    return Likely(Scenario.FULL_SYSTEM_FAILURE, "nothing of the product answers")


def _word(item: Observation) -> str:
    return f"{item.what} is {item.shown}"


def _cause(database: Sequence[Observation]) -> str:
    known = [item for item in database if item.condition is not Condition.ABSENT]
    bad = [item for item in known if item.condition is not Condition.OK]
    if bad:
        return f"{' and '.join(f'{item.what} ({item.shown})' for item in bad)} may be the cause"
    return "the database is not the cause" if known else "nothing is known of the database"


def _rest(seen: Sequence[Observation]) -> str:
    alive = [item.what for item in seen if item.subject in _PRODUCT and item.condition is Condition.OK]
    return f"{' and '.join(alive)} answers" if alive else "nothing else of the product is known"


def _of(seen: Iterable[Observation], subject: Subject) -> list[Observation]:
    return [item for item in seen if item.subject is subject]
