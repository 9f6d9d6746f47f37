"""``dr metrics`` and ``dr monitor``: what monitoring knows, for people, for Prometheus, and against the rules."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from dr.cli.runners import effective_configuration, name_of_system, procedures
from dr.cli.session import Session
from dr.policy.metric import BY_NAME, Sample

Write = Annotated[
    str,
    typer.Option("--write", metavar="FILE", show_default=False, help="Write it to a file, for node exporter."),
]
Serve = Annotated[
    str,
    typer.Option("--serve", metavar="HOST:PORT", show_default=False, help="Serve it until told to end."),
]


def metrics(session: Session, write: Write = "", serve: Serve = "") -> None:
    """Measure the system: ages, sizes, lag, all from its stores.

    Nothing is remembered between two calls, so an exporter that is killed loses
    nothing.

    Examples:
      dr metrics
      dr metrics --write /var/lib/node_exporter/coreflow360_dr.prom
      dr metrics --serve 127.0.0.1:9360
    """
    from datetime import UTC, datetime

    from dr.operations.measure.exposition import exposition, write_textfile
    from dr.operations.measure.gather import measure

    system = effective_configuration(session).system
    if serve:
        from dr.cli.exporter import serve_metrics

        serve_metrics(session, system, serve)
        return
    measured = measure(system, datetime.now(UTC))
    session.output.document.update(
        system=system.name,
        samples=[_row(item) for item in measured.samples],
        problems=list(measured.problems),
    )
    if write:
        write_textfile(measured.samples, Path(write))
        session.output.say(f"{len(measured.samples)} samples in {write}.")
    else:
        session.output.say(exposition(measured.samples).decode().rstrip())
    for problem in measured.problems:
        session.output.note(problem)


def _row(item: Sample) -> dict[str, object]:
    """Infinity is no JSON."""
    value = item.value if math.isfinite(item.value) else str(item.value)
    return {"name": item.name, **dict(zip(BY_NAME[item.name].labels, item.labels, strict=True)), "value": value}


def monitor(session: Session) -> None:
    """Hold the system against the rules, and tell people what has changed.

    The deployment `monitoring` does this every five minutes. Exit code 25:
    something is wrong, and nobody could be told.

    Example:
      dr monitor --system shop
    """
    with procedures(session):
        from flows.monitoring import monitoring

        watched = monitoring(system=name_of_system(session))
    opened = watched.told.book.open
    for item in opened:
        session.output.say(f"{item.alert.grade.upper()} {item.alert.summary}: {item.alert.command}")
    if not opened:
        session.output.say("Nothing is wrong by the rules.")
    for problem in watched.measured.problems:
        session.output.note(f"not measured: {problem}")
