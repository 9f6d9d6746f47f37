"""The post-incident report: what the record says, put into a template. What was not measured is said to be so. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from string import Template

from dr.catalog.canary import Beat
from dr.errors import ConfigurationError
from dr.evidence.incident import (
    Agreed,
    Decision,
    Incident,
    Lost,
    Measured,
    RunBegan,
    RunEnded,
    Told,
)
from dr.evidence.incident_timeline import first_line, timeline
from dr.policy.loss import Certainty

NOT_MEASURED = "not measured"
Rows = Sequence[Mapping[str, object]]


def render(template: str, incident: Incident, *, source: str = "the template") -> str:
    """The report. Raises ``ConfigurationError`` when ``template`` names what there is not."""
    values = report_values(incident)
    try:
        return Template(template).substitute(values)
    except (KeyError, ValueError) as error:
        raise ConfigurationError(
            f"{source} cannot be filled in: {error}",
            detail=f"it may name: {', '.join(f'${name}' for name in values)}; a dollar itself is $$",
            hint="Correct incident.template, or unset it: then our own is used.",
        ) from error


def report_values(incident: Incident) -> dict[str, str]:
    """What a template may name, each as Markdown."""
    opened, closed = incident.opened, incident.closed
    drill = " This was a drill." if opened.drill else ""
    return {
        "id": opened.id,
        "what": one_line(opened.text),
        "state": f"Closed.{drill}" if closed else f"**Open: this is a draft.**{drill}",
        "system": opened.system,
        "severity": incident.severity,
        "scenario": opened.scenario,
        "happened": _time(incident.disaster_at) if incident.disaster_at else f"{NOT_MEASURED}: nobody said when",
        "opened": f"{_time(opened.at)} by {one_line(opened.by)} on {opened.host}",
        "closed": f"{_time(closed.at)} by {one_line(closed.by)}: {one_line(closed.text)}" if closed else "no",
        "span": _span(incident),
        "measured": _measured(incident),
        "lost": _lost(incident),
        "timeline": table([line.row() for line in timeline(incident)]),
        "told": table(
            [
                {"when (UTC)": _time(one.at), "who": one.whom, "by": one.how, "noted by": one.by}
                for one in incident.of(Told)
            ]
        )
        or "Nobody is noted to have been told.",
        "approvals": table(
            [
                {"when (UTC)": _time(one.at), "who": one.by, "what": one.text, "how": one.how, "reason": one.reason}
                for one in incident.of(Agreed)
            ]
        )
        or "None.",
        "decisions": table(
            [{"when (UTC)": _time(one.at), "who": one.by, "decision": one.text} for one in incident.of(Decision)]
        )
        or "None is noted.",
        "deviations": "\n".join(f"* {one_line(text)}" for text in deviations(incident)) or "None.",
    }


def deviations(incident: Incident) -> tuple[str, ...]:
    """What did not go as a procedure prescribes: failed runs and steps, decisions of people, missed objectives."""
    told = []
    ended = {run.run for run in incident.of(RunEnded)}
    told += [
        f"{run.flow} (run {run.run}) did not come to its end" for run in incident.of(RunBegan) if run.run not in ended
    ]
    for run in incident.of(RunEnded):
        if run.outcome != "completed":
            told.append(f"{run.flow} (run {run.run}) {run.outcome}: {first_line(run.error)}")
        told += [
            f"{run.flow}: {step.name}, attempt {step.attempt}, {step.outcome}: {first_line(step.error) or 'cut off'}"
            for step in run.steps
            if step.outcome != "completed"
        ]
    told += [f"decided by {one.by}: {one.text}" for one in incident.of(Decision)]
    for one in incident.of(Measured):
        judged = one.verdict
        if not judged.rto_met:
            told.append(f"RTO missed: {one.recovered} took {one.rto_seconds:.1f} s of {one.rto_target:.0f} s")
        lost = f"{one.recovered} lost {judged.rpo_shown} of {one.rpo_target:.0f} s"
        if judged.rpo_missed:
            told.append(f"RPO missed: {lost}")
        elif judged.rpo_at_most is not None and not judged.rpo_met:
            told.append(f"RPO not shown to be met: {lost}")
        elif not judged.rpo_met:
            told.append(f"RPO not shown to be met: the loss of {one.recovered} was not measured")
    return tuple(told)


def table(rows: Rows) -> str:
    """Rows as Markdown; empty when there are none."""
    if not rows:
        return ""
    names = list(rows[0])
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(one_line(str(row[name])) for name in names)} |" for row in rows]
    return "\n".join(lines)


def one_line(text: str) -> str:
    """Text that breaks no table."""
    return " ".join(text.replace("|", "\\|").split())


def _measured(incident: Incident) -> str:
    parts = []
    for one in incident.of(Measured):
        judged = one.verdict
        rpo = judged.rpo_shown.removesuffix(" s") if judged.rpo_certainty is not Certainty.UNKNOWN else NOT_MEASURED
        met = {"yes": "yes", "no": "NO", "unknown": "not shown"}[judged.rpo_answer]
        rows = [
            {
                "": "RTO",
                "seconds": f"{one.rto_seconds:.1f}",
                "objective": f"{one.rto_target:.0f}",
                "met": _yes(judged.rto_met),
            },
            {"": "RPO", "seconds": rpo, "objective": f"{one.rpo_target:.0f}", "met": met},
            *({"": item.name, "seconds": f"{item.seconds:.1f}", "objective": "", "met": ""} for item in one.phases),
        ]
        parts.append(f"`{one.recovered}` recovered at {_time(one.at)}, as {one.scenario}:\n\n{table(rows)}")
    return "\n\n".join(parts) or f"{NOT_MEASURED.capitalize()}: no recovery of this incident told its figures."


def _lost(incident: Incident) -> str:
    found = [(one.recovered, one.lost) for one in incident.of(Measured) if one.lost is not None]
    received = incident.opened.received_lsn
    known = (
        f"* this host had received the write-ahead log up to {received} when the incident was opened"
        if received
        else ""
    )
    if not found:
        return "\n".join(line for line in (f"{NOT_MEASURED.capitalize()}.", known) if line)
    lines = [line for recovered, lost in found for line in _loss_lines(recovered, lost)]
    return "\n".join([*lines, *([known] if known else [])])


def _loss_lines(recovered: str, lost: Lost) -> list[str]:
    lines = [f"`{recovered}`: {lost.explanation}"]
    if lost.last is not None and lost.restored is not None and lost.measured:
        if lost.last.seq == lost.restored.seq:
            lines.append(f"* nothing between canaries: the last one, {_beat(lost.last)}, came back")
        else:
            lines.append(
                f"* transactions committed after {_beat(lost.restored)} and up to {_beat(lost.last)}:"
                f" {lost.seconds:.1f} s, {lost.last.seq - lost.restored.seq} canary rows"
            )
    elif lost.restored is not None:
        bound = NOT_MEASURED if lost.seconds is None else f"at most {lost.seconds:.1f} s"
        lines.append(
            f"* transactions committed after {_beat(lost.restored)}; {bound}, for the last commit is not known"
        )
    if lost.reached:
        lines.append(f"* {lost.reached}")
    return lines


def _beat(beat: Beat) -> str:
    return f"canary {beat.seq} ({beat.committed_at:%Y-%m-%d %H:%M:%S.%f} UTC)"


def _span(incident: Incident) -> str:
    done = [run.at for run in incident.of(RunEnded) if run.outcome == "completed"]
    return _duration(max(done) - incident.opened.at) if done else NOT_MEASURED


def _duration(span: timedelta) -> str:
    return f"{span.total_seconds():.1f} s"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _yes(met: bool) -> str:
    return "yes" if met else "NO"
