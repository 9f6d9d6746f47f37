"""``dr drills``: what was drilled, whether it held, and until when it will."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dr.cli.output import plain
from dr.cli.runners import effective_configuration
from dr.cli.session import Session
from dr.errors import ConfigurationError

if TYPE_CHECKING:
    from dr.operations.drill_outlook import Outlook

_SPAN = re.compile(r"(\d{1,5})\s*(d|w|m|y)")
_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}


def drills(
    session: Session,
    since: Annotated[str, typer.Option(metavar="90d|12w|6m|2y|all", help="How far back.")] = "1y",
    to_csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", show_default=False, help="Write the table there as well.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png|.svg", show_default=False, help="Draw RTO and RPO over time there."),
    ] = None,
) -> None:
    """The drills there were, newest first: verdicts, RTO and RPO, a forecast.

    Read from the stores, so it is there when Prefect is not. With --json all of
    each record: what was asked, every answer, every phase, and the command that
    repeats it.

    Examples:
      dr drills
      dr drills --since all --csv drills.csv --plot drills.png
    """
    from dr.operations.drill_outlook import look_out

    now = datetime.now(UTC)
    begin = _since(since, now)
    kind = _kind(plot)
    outlook = look_out(effective_configuration(session).system, now, begin)
    _show(session, outlook)
    if to_csv is not None:
        _write_csv(to_csv, outlook)
        session.output.note(f"{len(outlook.rows)} drills written to {to_csv}")
    if plot is not None:
        from dr.evidence.plots import plot_drills

        plot.write_bytes(plot_drills(outlook.history.records, kind))
        session.output.note(f"drawn into {plot}")


def _since(text: str, now: datetime) -> datetime | None:
    if text == "all":
        return None
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise ConfigurationError(f"--since {text} is not understood", hint="Write 90d, 12w, 6m, 2y or all.")
    return now - timedelta(days=int(found[1]) * _DAYS[found[2]])


def _kind(plot: Path | None) -> str:
    from dr.evidence.plots import FORMATS

    kind = "" if plot is None else plot.suffix.removeprefix(".").lower()
    if plot is not None and kind not in FORMATS:
        raise ConfigurationError(f"{plot} is no picture that can be drawn", hint="Let it end in .png or .svg.")
    return kind


def _show(session: Session, outlook: Outlook) -> None:
    out = session.output
    out.document["drills"] = [plain(record) for record in outlook.history.records]
    out.document["forecasts"] = [item.row() for item in outlook.forecasts]
    out.document["warnings"] = list(outlook.warnings)
    out.document["tiers"] = list(outlook.tier_lines)
    if not outlook.rows:
        out.say("No drill yet: dr drill makes one.")
    out.table("Drills, newest first", outlook.rows)
    out.table("Forecast, from green drills only", [item.row() for item in outlook.forecasts])
    for line in outlook.tier_lines:
        out.say(line)
    for line in outlook.warnings:
        out.say(f"WARNING: {line}.")


def _write_csv(file: Path, outlook: Outlook) -> None:
    rows = outlook.rows
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]) if rows else ["when (UTC)"])
        writer.writeheader()
        writer.writerows(rows)
