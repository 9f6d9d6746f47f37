"""What a drill shows people: what was drawn, then the verdict with its reasons, the answers, and the phases."""

from __future__ import annotations

import base64

from dr.catalog.drills import DrillRecord
from dr.errors import ToolError
from dr.evidence.plots import plot_drills
from dr.operations.component.drill.draw import DrawnComponent
from dr.operations.drill.draw import Drawn
from dr.operations.drill_outlook import Outlook
from tasks.runner import publish_markdown, publish_table

_SHOWN_DRILLS = 60
_DOTS = 80


def show_drawn(drawn: Drawn | DrawnComponent) -> None:
    """What will be restored, before it is."""
    if isinstance(drawn, Drawn):
        method, chain = str(drawn.request.method), drawn.chain
    else:
        method, chain = str(drawn.request.kind), (drawn.found,)
    stores = ", ".join(drawn.request.stores) or ", ".join(chain[-1].stores)
    lines = [
        f"* method **{method}**, seed {drawn.seed}",
        f"* backup {' + '.join(found.manifest.label for found in chain)}, from {stores}",
        f"* to {drawn.asked}",
    ]
    publish_markdown("drill-drawn", "\n".join(lines), "What this drill restores")


def show_drill(record: DrillRecord, kept: str) -> None:
    """The verdict and all that it follows from."""
    publish_table("drill-phases", _phases(record), f"{record.scenario}: RTO and RPO against their targets, in seconds")
    rows = [
        {"question": item.name, "answer": item.answer, "level": item.level, "detail": item.detail}
        for item in sorted(record.probes, key=lambda item: {"FAILED": 0, "not proven": 1}.get(item.answer, 2))
    ]
    publish_table("drill-answers", rows, "What the copy was asked")
    level = f": level {record.level} is not reached" if record.verdict == "not recoverable" else f", {record.level}"
    lines = [
        f"# {record.verdict}{level if record.level else ''}",
        f"* {record.method} drill of **{record.label or 'nothing'}** to {record.asked}",
        *(f"* **{reason}**" for reason in record.reasons),
        *(f"* not proven: {text}" for text in record.unproven),
        *(f"* copy passed over: {note}" for note in record.notes),
        *((f"* {record.reached}",) if record.reached else ()),
        f"* RTO {_seconds(record.rto_seconds)} of {record.rto_target:.0f} s",
        f"* RPO {_seconds(record.rpo_seconds)}" + (f" of {record.rpo_target:.0f} s" if record.rpo_target else ""),
        *((f"* the copy is kept in `{kept}`",) if kept else ()),
        f"* again: `{' '.join(record.repeat)}`",
    ]
    publish_markdown("drill-report", "\n".join(lines), "The drill in short")


def show_outlook(outlook: Outlook) -> None:
    """The history with its picture, and the forecast."""
    publish_table("drill-history", outlook.rows[:_SHOWN_DRILLS], "Drills of the last year, newest first")
    rows = [item.row() for item in outlook.forecasts]
    publish_table("drill-forecast", rows, "Forecast: from when on the RTO will be missed; no measurement")
    lines = [*(f"* **{line}**" for line in outlook.warnings), *(f"* {line}" for line in outlook.tier_lines)]
    try:
        picture = base64.b64encode(plot_drills(outlook.history.records, dots_per_inch=_DOTS)).decode()
        lines.append(f"\n![RTO and RPO of the drills against their targets](data:image/png;base64,{picture})")
    except ToolError as error:
        lines.append(f"* no picture: {error.message}")
    publish_markdown("drill-outlook", "\n".join(lines), "RTO and RPO over time, and what to do something about")


def _seconds(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1f} s"


def _phases(record: DrillRecord) -> list[dict[str, str | float | int | None]]:
    totals = [
        _total("RTO", record.rto_seconds, record.rto_target),
        _total("RPO", record.rpo_seconds, record.rpo_target),
    ]
    return [
        *totals,
        *(
            {
                "phase": phase.name,
                "seconds": round(phase.seconds, 2),
                "MB": None if phase.bytes is None else round(phase.bytes / 1e6, 1),
                "target": None,
                "met": None,
            }
            for phase in record.phases
        ),
    ]


def _total(name: str, seconds: float | None, target: float | None) -> dict[str, str | float | int | None]:
    met = "unknown" if seconds is None else "" if target is None else "yes" if seconds <= target else "no"
    return {
        "phase": name,
        "seconds": None if seconds is None else round(seconds, 2),
        "MB": None,
        "target": target,
        "met": met,
    }
