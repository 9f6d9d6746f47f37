"""``dr metrics`` and ``dr monitor``: what monitoring knows, for people, for Prometheus, and against the rules."""

from __future__ import annotations

import inspect
import math
from pathlib import Path
from typing import Annotated, Any

import typer

from dr.cli.runners import effective_configuration, name_of_system, procedures
from dr.cli.session import Action, Session, command
from dr.policy.metric import BY_NAME, Sample

app = typer.Typer(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
Write = Annotated[
    str,
    typer.Option("--write", metavar="FILE", show_default=False, help="Write it to a file, for node exporter."),
]
Push = Annotated[
    str,
    typer.Option("--push", metavar="URL", show_default=False, help="Hand it to a push gateway."),
]
Serve = Annotated[
    str,
    typer.Option("--serve", metavar="HOST:PORT", show_default=False, help="The same as dr metrics serve HOST:PORT."),
]
Where = Annotated[str, typer.Argument(metavar="[HOST:PORT]", show_default=False, help="Where; else 127.0.0.1:9360.")]
Every = Annotated[float, typer.Option("--every", metavar="SECONDS", min=0, help="Measure no more often than this.")]
Directory = Annotated[
    str,
    typer.Option(
        "--write", metavar="DIRECTORY", show_default=False, help="Write it there, and what is missing beside it."
    ),
]


def metrics(session: Session, write: Write = "", push: Push = "", serve: Serve = "") -> None:
    """Measure the system: ages, sizes, lag, all from its stores.

    Nothing is remembered between two calls, so an exporter that is killed loses
    nothing.

    Examples:
      dr metrics
      dr metrics serve 127.0.0.1:9360
      dr metrics --write /var/lib/node_exporter/coreflow360_dr.prom
      dr metrics --push http://pushgateway:9091
      dr metrics rules --write /etc/prometheus
    """
    from datetime import UTC, datetime

    from dr.operations.measure.exposition import exposition, write_textfile
    from dr.operations.measure.gather import measure
    from dr.operations.measure.push import push as hand_over

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
    if push:
        hand_over(measured.samples, system.name, push)
        session.output.say(f"{len(measured.samples)} samples taken by {push}.")
    if not (write or push):
        session.output.say(exposition(measured.samples).decode().rstrip())
    for problem in measured.problems:
        session.output.note(problem)


def serve(session: Session, where: Where = "", every: Every = 30.0) -> None:
    """Serve the measurements to Prometheus, until Ctrl-C or SIGTERM.

    Run one per system, as a service. Ages are computed from the stores each
    time: killing it loses nothing.

    Example:
      dr metrics serve 127.0.0.1:9360 --system shop
    """
    from dr.cli.exporter import HERE, serve_metrics

    serve_metrics(session, effective_configuration(session).system, where or HERE, every)


def rules(session: Session, write: Directory = "") -> None:
    """The alerting rules, for Prometheus: those that dr monitor evaluates.

    --write puts rules.yml into a directory, and beside it alertmanager.yml and
    prometheus.yml where there are none yet. These two are examples: put your
    own addresses in, and each secret into the file that is named for it.

    Examples:
      dr metrics rules > /etc/prometheus/rules.yml
      dr metrics rules --write ./prometheus
    """
    from deployments.prometheus.files import files, hand_out

    if write:
        written = [str(path) for path in hand_out(Path(write))]
        session.output.document.update(files=written)
        session.output.say(f"Written: {', '.join(written)}.")
        return
    text = files()["rules.yml"]
    session.output.document.update(rules=text)
    session.output.say(text.rstrip())


def _row(item: Sample) -> dict[str, object]:
    """Infinity is no JSON."""
    value = item.value if math.isfinite(item.value) else str(item.value)
    labels = dict(zip(BY_NAME[item.name].labels, item.labels, strict=True))
    return {"name": item.name, "labels": labels, "value": value}


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


_measure = command(metrics)


def _alone_or_before(context: typer.Context, **given: Any) -> Action:
    """``dr metrics`` itself. Options before ``serve`` or ``rules`` would be lost in silence: they are refused."""
    if context.invoked_subcommand and any(given.values()):
        raise typer.BadParameter(f"options belong behind it: dr metrics {context.invoked_subcommand} --help shows them")
    return _measure(**given)


_OWN = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
_alone_or_before.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [_OWN, *inspect.signature(_measure).parameters.values()]
)
_alone_or_before.__annotations__ = {**_measure.__annotations__, "context": typer.Context}
_alone_or_before.__doc__ = metrics.__doc__
app.callback()(_alone_or_before)
app.command("serve")(command(serve))
app.command("rules")(command(rules))
