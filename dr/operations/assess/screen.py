"""An assessment as the operations guide shows it: its six lines first, everything else below."""

from __future__ import annotations

from collections.abc import Iterator

from dr.operations.assess.assessing import Assessment
from dr.policy.observation import Condition, Observation, Subject
from dr.policy.severity import Severity

_GUIDE = (Subject.DATABASE, Subject.REDIS, Subject.APPLICATION, Subject.DISK, Subject.BACKUPS)
_BELOW = (
    Subject.CONFIGURATION,
    Subject.SERVICE,
    Subject.OFF_SITE,
    Subject.STORE,
    Subject.KEY,
    Subject.WAL,
    Subject.STANDBY,
    Subject.CERTIFICATES,
    Subject.DRILLS,
    Subject.SCHEDULES,
    Subject.UNFINISHED,
)
_STATUS = {
    Severity.HEALTHY: "HEALTHY",
    Severity.LOW: "LOW (degraded performance)",
    Severity.MEDIUM: "MEDIUM (service disruption)",
    Severity.HIGH: "HIGH (system down)",
    Severity.CRITICAL: "CRITICAL (disaster)",
}


def lines(found: Assessment) -> tuple[str, ...]:
    """What a person reads, from the top."""
    return (*guide_lines(found), *_below(found), *_why(found), *_next(found))


def guide_lines(found: Assessment) -> tuple[str, ...]:
    """The guide's six lines, exactly."""
    parts = tuple(f"{subject}: {_shown(found.of(subject))}" for subject in _GUIDE)
    return (*parts, f"System Status: {_STATUS[found.judgement.severity]}")


def _shown(seen: tuple[Observation, ...]) -> str:
    return seen[0].shown if seen else str(Condition.ABSENT)


def _below(found: Assessment) -> Iterator[str]:
    yield ""
    for subject in _BELOW:
        for item in found.of(subject):
            # Of several services and stores only those are shown that are not as they should be.
            if subject not in (Subject.SERVICE, Subject.STORE) or item.condition.rank > 0:
                yield f"{item.what if subject is not Subject.UNFINISHED else subject}: {item.shown}"


def _why(found: Assessment) -> Iterator[str]:
    if not found.judgement.reasons:
        return
    yield ""
    yield "Why:"
    yield from (f"  {reason}" for reason in found.judgement.reasons)


def _next(found: Assessment) -> Iterator[str]:
    step = found.next_step
    if not step.command:
        return
    yield ""
    if found.judgement.scenario is not None:
        yield f"Likely scenario: {found.judgement.scenario}"
    elif not found.judgement.known:
        yield f"Likely scenario: unknown, {found.judgement.because}"
    yield from (f"First: {item}" for item in step.before)
    yield f"Next: {step.why}"
    yield f"  {step.command}"
    if step.rto:
        yield f"Estimated RTO: {step.rto}"
        yield f"Estimated RPO: {step.rpo}"
