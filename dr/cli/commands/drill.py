"""``dr drill``: restore a backup where nothing gets out, question it, measure it, remove it again."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dr.cli.commands.components import kinds_named
from dr.cli.runners import name_of_system, procedures, record_of_last_run, tables_of
from dr.cli.session import Session
from dr.errors import ConfigurationError
from dr.policy.drill_method import RANDOM, USUAL, Method
from dr.policy.objectives import Scenario

Target = Annotated[
    str,
    typer.Option(
        metavar="random|latest|immediate|TIME|LSN",
        help="Up to where; random is a second of the recoverable window.",
    ),
]


def drill(
    session: Session,
    scenario: Annotated[
        Scenario | None,
        typer.Option(
            help=f"Whose objectives it is held against; database-corruption when left out, of a component {USUAL}.",
            show_default=False,
        ),
    ] = None,
    component: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            show_default=False,
            help="Drill this component instead of the database: redis, files, config, code, ...",
        ),
    ] = "",
    method: Annotated[
        Method,
        typer.Option(help="Base backup and WAL; a dump; or a base backup compared with a dump at its very snapshot."),
    ] = Method.PHYSICAL,
    target: Target = "random",
    backup: Annotated[
        str,
        typer.Option(
            metavar="LABEL",
            show_default=False,
            help="This backup only; chosen when left out. Of a component also 'random': any there is.",
        ),
    ] = "",
    seed: Annotated[int, typer.Option(min=0, help="Draws the random second, or backup; 0 for a new one.")] = 0,
    store: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", show_default=False, help="Restore from this store only. Repeatable."),
    ] = None,
    timeline: Annotated[
        str, typer.Option(metavar="N", show_default=False, help="Follow this timeline; the newest when left out.")
    ] = "",
    exclusive: Annotated[bool, typer.Option("--exclusive", help="Stop just before the target.")] = False,
    remote: Annotated[bool, typer.Option("--remote", help="Have the Prefect worker do it, and wait for it.")] = False,
) -> None:
    """Prove that a backup can be restored, by restoring it.

    Into a server of its own in which nothing gets out: no network, no
    subscription, no job. It is asked what a recovery asks and much more, every
    phase is measured, and it is removed again. Exit code 15: the backup is bad;
    18: this host lacks something; 16: good, but too slow.

    A component is restored into a private directory, and asked there.

    Examples:
      dr drill
      dr drill --method logical --scenario full-system-failure
      dr drill --component redis
      dr drill --seed 4711 --target 2026-01-31T01:59:59Z --store second-region
    """
    parameters: dict[str, Any] = {"backup": backup, "seed": seed, "stores": tuple(store or ())}
    if not component:
        parameters["scenario"] = scenario or Scenario.DATABASE_CORRUPTION
        parameters.update(method=method, target=target, timeline=timeline, exclusive=exclusive)
    elif (method, target, timeline, exclusive) != (Method.PHYSICAL, RANDOM, "", False):
        raise ConfigurationError(
            "--method, --target, --timeline and --exclusive are of the database, not of a component",
            hint="A component is restored whole: choose its backup with --backup.",
        )
    else:
        (kind,) = kinds_named([component])
        parameters.update(kind=kind, scenario=scenario or USUAL)
    if remote:
        from dr.cli.remote import run_remotely

        flow = "component-drill" if component else "restore-drill"
        run_remotely(session, flow, {**parameters, "stores": list(store or ())})
        return
    system = name_of_system(session)
    try:
        with procedures(session):
            _make(system, parameters)
    finally:
        _show(session)


def _make(system: str, parameters: dict[str, Any]) -> None:
    if "kind" in parameters:
        from flows.component_drill import component_drill

        component_drill(system=system, **parameters)
        return
    from flows.restore_drill import restore_drill

    restore_drill(system=system, **parameters)


def _show(session: Session) -> None:
    """Whatever the verdict: the tables come first, the error after them."""
    record = record_of_last_run()
    if record is None:
        return
    tables = tables_of(record)
    texts = {item.key: item.text for item in record.artifacts if item.kind == "markdown"}
    answers, phases = tables.get("drill-answers", []), tables.get("drill-phases", [])
    session.output.table("What the copy answered", answers)
    session.output.table("Phases", phases)
    report = texts.get("drill-report", "")
    for line in report.splitlines():
        session.output.say(line.lstrip("#* ").replace("**", ""))
    session.output.document["drill"] = {"run": record.id, "answers": answers, "phases": phases, "report": report}
