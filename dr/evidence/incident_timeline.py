"""The timeline of an incident: every entry and every step, in the order in which they happened. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dr.evidence.incident import (
    Agreed,
    AnyEntry,
    Closed,
    Decision,
    Graded,
    Incident,
    Measured,
    Note,
    Opened,
    RunBegan,
    RunEnded,
    StepTaken,
    Told,
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line: when (UTC), who, what."""

    at: datetime
    by: str
    text: str

    def row(self) -> dict[str, str]:
        """For a table."""
        return {"when (UTC)": f"{self.at:%Y-%m-%d %H:%M:%S}", "who": self.by, "what": self.text}


def timeline(incident: Incident) -> tuple[Line, ...]:
    """Everything, by time. Lines of one moment stay in the order in which they were written."""
    lines = []
    for entry in incident.entries:
        lines.append(Line(entry.at, entry.by, _words(entry)))
        if isinstance(entry, RunEnded):
            lines += [Line(step.begin, entry.flow, _step(step)) for step in entry.steps]
    return tuple(sorted(lines, key=lambda line: line.at))


def _step(step: StepTaken) -> str:
    again = f", attempt {step.attempt}" if step.attempt > 1 else ""
    if step.end is None:
        return f"step: {step.name}{again}: cut off"
    took = f"{(step.end - step.begin).total_seconds():.1f} s"
    error = f": {first_line(step.error)}" if step.error else ""
    return f"step: {step.name}{again}: {step.outcome} after {took}{error}"


def first_line(text: str) -> str:
    """An error's message without its detail and hint."""
    return text.splitlines()[0] if text.strip() else ""


def _words(entry: AnyEntry) -> str:  # noqa: C901 - a row per kind
    match entry:
        case Opened():
            what = "drill opened" if entry.drill else "opened"
            return f"{what}: {entry.severity}, {entry.scenario}: {entry.text}"
        case Note():
            return f"note: {entry.text}"
        case Decision():
            return f"decision: {entry.text}"
        case Told():
            return f"told {entry.whom} by {entry.how}{f': {entry.text}' if entry.text else ''}"
        case Agreed():
            return f"approved: {entry.text} ({entry.how}{f'; {entry.reason}' if entry.reason else ''})"
        case Graded():
            return f"severity {entry.severity}: {entry.reason}"
        case RunBegan():
            return f"{entry.flow} began (run {entry.run}): {entry.text}"
        case RunEnded():
            error = f": {first_line(entry.error)}" if entry.error else ""
            return f"{entry.flow} {entry.outcome} after {entry.seconds:.1f} s (run {entry.run}){error}"
        case Measured():
            return f"recovered {entry.recovered}: RTO {entry.rto_seconds:.1f} s, RPO {entry.verdict.rpo_shown}"
        case Closed():
            return f"closed: {entry.text}"
