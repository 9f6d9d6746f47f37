"""RTO and RPO of the drills over time, against their targets, as a picture."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import timedelta
from itertools import cycle
from typing import Any

from dr.catalog.drills import DrillRecord
from dr.errors import ToolError
from dr.policy.drill_verdict import Verdict

_MARKERS = {"physical": "o", "logical": "s", "reconcile": "^"}
_STYLES = {"physical": "-", "logical": "--", "reconcile": ":"}
_MORE_MARKERS, _MORE_STYLE = "DvP*Xh<>p", "-."
"""For components, in the order of their names."""
_COLOURS = {Verdict.RECOVERABLE: "#1f6f8b", Verdict.NOT_RECOVERABLE: "#c0392b", Verdict.INCONCLUSIVE: "#8a8a8a"}
FORMATS = ("png", "svg")


def plot_drills(records: Sequence[DrillRecord], kind: str = "png", *, dots_per_inch: int = 110) -> bytes:
    """Two panels, seconds on a logarithmic scale: what was measured, and the targets as lines.

    Verdicts are told by colour and by filling, methods by marker and line. Raises ``ToolError`` without matplotlib.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ToolError(
            "the plot needs matplotlib",
            str(error),
            "Install it: pip install matplotlib. Everything else works without.",
        ) from error
    figure = Figure(figsize=(9, 5.6), layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True)
    ordered = sorted(records, key=lambda item: item.begin)
    _panel(upper, ordered, "rto")
    _panel(lower, ordered, "rpo")
    lower.set_xlabel("begin of the drill (UTC)")
    _at_least_a_day(lower, ordered)
    _legend(figure, upper, lower)
    system = records[0].system if records else ""
    figure.suptitle(f"Drills of {system}: {len(ordered)}", fontsize=11, x=0.01, ha="left")
    lower.tick_params(axis="x", rotation=20)
    target = io.BytesIO()
    figure.savefig(target, format=kind, dpi=dots_per_inch)
    return target.getvalue()


def _at_least_a_day(axes: Any, records: Sequence[DrillRecord]) -> None:
    """One drill alone would be drawn on an axis of four years, and two of the same minute on one of seconds."""
    day = timedelta(days=1)
    if records and records[-1].begin - records[0].begin < day:
        axes.set_xlim(records[0].begin - day / 2, records[-1].begin + day / 2)


def _panel(axes: Any, records: Sequence[DrillRecord], what: str) -> None:
    name = what.upper()
    axes.set_ylabel(f"{name}, seconds")
    axes.set_yscale("symlog", linthresh=1.0)
    axes.grid(visible=True, which="major", alpha=0.3)
    for method, marker in _markers(records).items():
        own = [item for item in records if item.method == method and _value(item, what) is not None]
        if not own:
            continue
        axes.plot(
            [item.begin for item in own],
            [_value(item, what) for item in own],
            _STYLES.get(method, _MORE_STYLE),
            color="#b0bec5",
            linewidth=0.9,
            zorder=1,
        )
        for verdict, colour in _COLOURS.items():
            points = [item for item in own if item.verdict == verdict]
            if points:
                axes.scatter(
                    [item.begin for item in points],
                    [_value(item, what) for item in points],
                    marker=marker,
                    s=28,
                    facecolors=colour if verdict is Verdict.RECOVERABLE else "none",
                    edgecolors=colour,
                    label=f"{method}, {verdict}",
                    zorder=3,
                )
    _without_figure(axes, records, what)
    targets = sorted({target for item in records if (target := getattr(item, f"{what}_target")) is not None})
    for target in targets:
        axes.axhline(target, color="#c0392b", linewidth=1, linestyle=(0, (6, 3)), zorder=2)
        axes.annotate(
            f"target {target:.0f} s",
            (1, target),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            xytext=(-4, 3),
            ha="right",
            fontsize=8,
            color="#c0392b",
        )
    axes.margins(y=0.2)
    axes.set_ylim(bottom=0)


def _markers(records: Sequence[DrillRecord]) -> dict[str, str]:
    """A marker for every method that there is: a drill must not be missing from the picture for its kind."""
    others = sorted({item.method for item in records} - _MARKERS.keys())
    return {**_MARKERS, **dict(zip(others, cycle(_MORE_MARKERS), strict=False))}


def _without_figure(axes: Any, records: Sequence[DrillRecord], what: str) -> None:
    """Drills that never came to a figure stand on the lower edge: they must not be missing from the picture."""
    for verdict in (Verdict.NOT_RECOVERABLE, Verdict.INCONCLUSIVE):
        lost = [item for item in records if _value(item, what) is None and item.verdict == verdict]
        if lost:
            axes.scatter(
                [item.begin for item in lost],
                [0.0 for _ in lost],
                marker="x",
                s=34,
                color=_COLOURS[verdict],
                label=f"{verdict}, no figure",
                clip_on=False,
                zorder=4,
            )


def _value(record: DrillRecord, what: str) -> float | None:
    return record.rto_seconds if what == "rto" else record.rpo_seconds


def _legend(figure: Any, *panels: Any) -> None:
    handles: dict[str, Any] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    if handles:
        figure.legend(
            handles.values(),
            handles.keys(),
            loc="outside upper right",
            ncols=min(len(handles), 4),
            fontsize=8,
            frameon=False,
        )
