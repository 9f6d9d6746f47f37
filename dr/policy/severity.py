"""How bad is it, by the operations guide's four levels? Pure: observations go in, a level with its reasons comes out.

LOW: a single service is impaired, backups work. MEDIUM: several are, or some data could be lost. HIGH: critical systems
are offline, or data could be lost at once. CRITICAL: everything is down, or what would bring it back is gone as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum

from dr.policy.likely_scenario import (
    Likely,
    is_complete,
    is_damaged,
    is_unasked,
    likely_scenario,
    takes_no_writes,
)
from dr.policy.objectives import Scenario
from dr.policy.observation import Condition, Observation, Subject


class Severity(StrEnum):
    """The guide's levels, and the one below them."""

    HEALTHY = "HEALTHY"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"

    @property
    def rank(self) -> int:
        """0 for HEALTHY, 4 for CRITICAL."""
        return list(Severity).index(self)


class Harm(Enum):
    """What an observation means by itself: the level, and the guide's words for it."""

    NONE = (Severity.HEALTHY, "")
    CARE = (Severity.LOW, "needs care; nobody is affected yet")
    UNKNOWN = (Severity.LOW, "nothing is known of it")
    SERVICE = (Severity.LOW, "a single service is impaired")
    RISK = (Severity.MEDIUM, "some risk of losing data")
    DISRUPTION = (Severity.MEDIUM, "service is disrupted")
    OFFLINE = (Severity.HIGH, "a critical system is offline")
    HALTED = (Severity.HIGH, "a critical system takes no writes")
    IMMEDIATE = (Severity.HIGH, "data can be lost at once")

    @property
    def severity(self) -> Severity:
        return self.value[0]

    @property
    def meaning(self) -> str:
        return self.value[1]


# Subject: what it means when it is impaired, when it does not answer, when it is down.
_HARM: dict[Subject, tuple[Harm, Harm, Harm]] = {
    Subject.DATABASE: (Harm.SERVICE, Harm.OFFLINE, Harm.OFFLINE),
    Subject.REDIS: (Harm.SERVICE, Harm.SERVICE, Harm.SERVICE),
    Subject.APPLICATION: (Harm.SERVICE, Harm.OFFLINE, Harm.OFFLINE),
    Subject.SERVICE: (Harm.SERVICE, Harm.SERVICE, Harm.SERVICE),
    Subject.DISK: (Harm.CARE, Harm.IMMEDIATE, Harm.IMMEDIATE),
    Subject.BACKUPS: (Harm.RISK, Harm.IMMEDIATE, Harm.IMMEDIATE),
    Subject.OFF_SITE: (Harm.RISK, Harm.RISK, Harm.RISK),
    Subject.STORE: (Harm.RISK, Harm.RISK, Harm.RISK),
    Subject.KEY: (Harm.CARE, Harm.RISK, Harm.IMMEDIATE),
    Subject.WAL: (Harm.RISK, Harm.RISK, Harm.IMMEDIATE),
    Subject.STANDBY: (Harm.RISK, Harm.RISK, Harm.RISK),
    Subject.CERTIFICATES: (Harm.CARE, Harm.CARE, Harm.DISRUPTION),
    Subject.DRILLS: (Harm.CARE, Harm.CARE, Harm.CARE),
    Subject.SCHEDULES: (Harm.RISK, Harm.RISK, Harm.RISK),
    Subject.UNFINISHED: (Harm.CARE, Harm.CARE, Harm.CARE),
    Subject.CONFIGURATION: (Harm.CARE, Harm.RISK, Harm.RISK),
}
_PARTS = (Subject.DATABASE, Subject.REDIS, Subject.STANDBY)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why it is at least that bad; ``subject`` and ``name`` are those of the observation it rests on."""

    severity: Severity
    subject: Subject
    text: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.severity}: {self.text}"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The level, every reason (the worst first), and which of the guide's disasters it looks like; None: none of them.

    ``because`` says why that one, or why it is not ``known``: too little was seen.
    """

    severity: Severity
    reasons: tuple[Reason, ...] = ()
    scenario: Scenario | None = None
    because: str = ""
    known: bool = True


def harm_of(seen: Observation) -> Harm:
    """What one observation means by itself."""
    if is_damaged(seen):
        return Harm.IMMEDIATE
    if takes_no_writes(seen):
        return Harm.HALTED
    if is_unasked(seen):
        return Harm.UNKNOWN
    if seen.condition is Condition.ABSENT:
        # A system that keeps every copy on its own host is one lost host away from having none.
        return Harm.CARE if seen.subject is Subject.OFF_SITE else Harm.NONE
    return (Harm.NONE, *_HARM[seen.subject])[seen.condition.rank]


def judge(observations: Iterable[Observation]) -> Judgement:
    """The worst that any observation means by itself, or that several mean together."""
    seen = tuple(observations)
    reasons = [*_together(seen), *(_alone(item) for item in seen if harm_of(item) is not Harm.NONE)]
    reasons.sort(key=lambda reason: -reason.severity.rank)
    severity = reasons[0].severity if reasons else Severity.HEALTHY
    likely = likely_scenario(seen) if reasons else Likely(None)
    return Judgement(severity, tuple(reasons), likely.scenario, likely.because, likely.known)


def _alone(item: Observation) -> Reason:
    harm = harm_of(item)
    return Reason(harm.severity, item.subject, f"{item} ({harm.meaning})", item.name)


def _together(seen: Sequence[Observation]) -> Iterator[Reason]:
    lost = any(item.condition.offline or is_damaged(item) for item in seen if item.subject is Subject.DATABASE)
    if is_complete(seen):
        named = [item.what for item in seen if _is_product(item) and item.condition.offline]
        text = f"{' and '.join(named)}: none of it can be used (complete system failure)"
        yield Reason(Severity.CRITICAL, Subject.DATABASE, text)
    for item in seen:
        if not lost or not item.condition.offline:
            continue
        if item.subject is Subject.BACKUPS:
            text = f"{item}, and the database is lost: nothing in sight brings it back (disaster)"
            yield Reason(Severity.CRITICAL, item.subject, text, item.name)
        if item.subject is Subject.DISK:
            text = f"{item}, and the database is lost: this host is damaged itself (infrastructure compromised)"
            yield Reason(Severity.CRITICAL, item.subject, text, item.name)
    impaired = _impaired(seen)
    if len(impaired) > 1:
        what = (
            "of none of them anything is known" if all(map(is_unasked, impaired)) else "several services are affected"
        )
        text = f"{', '.join(item.what for item in impaired)}: {what}"
        yield Reason(Severity.MEDIUM, impaired[0].subject, text, impaired[0].name)


def _is_product(item: Observation) -> bool:
    return item.subject in (Subject.DATABASE, Subject.REDIS, Subject.APPLICATION)


def _impaired(seen: Sequence[Observation]) -> list[Observation]:
    """Each service that is affected, once: an application that suffers from its own services is one of them."""
    bad = [item for item in seen if item.condition.rank > 0]
    own = [item for item in bad if item.subject is Subject.SERVICE]
    application = own or [item for item in bad if item.subject is Subject.APPLICATION]
    return [item for item in bad if item.subject in _PARTS] + application
