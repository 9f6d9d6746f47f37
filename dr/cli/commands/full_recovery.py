"""``dr full-recovery``: a whole product from a repository, a key and a configuration; a second run goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dr.cli import consent
from dr.cli.output import plain
from dr.cli.runners import effective_configuration, procedures, record_of_last_run, tables_of
from dr.cli.session import Session
from dr.errors import DrError, ObjectiveMissed

if TYPE_CHECKING:
    from dr.configuration.model import System
    from dr.evidence.full_outcome import FullOutcome
    from dr.policy.full_plan import FullPlan

Point = Annotated[
    str,
    typer.Argument(metavar="[POINT]", show_default=False, help="A recovery point; the newest usable one if left out."),
]
Before = Annotated[
    str,
    typer.Option(metavar="TIME", show_default=False, help="No point after this time (2026-01-31T02:00:00Z)."),
]
ToPoint = Annotated[
    bool | None,
    typer.Option(
        "--to-point/--to-newest",
        show_default=False,
        help="The database exactly at the point, or to its newest WAL (default, unless a point or time is named).",
    ),
]
Without = Annotated[
    str, typer.Option(metavar="PARTS", show_default=False, help="Leave these out: logs,code,images,...")
]
DisasterAt = Annotated[
    str, typer.Option(metavar="TIME", show_default=False, help="When it happened; losses are counted until then.")
]


def full_recovery(
    session: Session,
    point: Point = "",
    before: Before = "",
    to_point: ToPoint = None,
    without: Without = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and stop.")] = False,
    confirm: Annotated[
        str, typer.Option(metavar="NAME", show_default=False, help="The system's name: do not ask.")
    ] = "",
    disaster_at: DisasterAt = "",
    switch_anyway: Annotated[
        bool, typer.Option("--switch-anyway", help="Lead traffic here although verification did not pass.")
    ] = False,
    exercise: Annotated[
        bool, typer.Option("--exercise", help="For practice: recover here, change nothing outside of this host.")
    ] = False,
    anew: Annotated[bool, typer.Option("--anew", help="Begin again instead of going on.")] = False,
    status: Annotated[
        bool, typer.Option("--status", help="Show how far an unfinished one has come, and stop.")
    ] = False,
) -> None:
    """Everything is gone: bring the whole product back on this host.

    Plan, ask, restore all parts beside each other, bring them to their places,
    start, verify, then lead traffic here. Nothing is ever overwritten. Killed
    or failed, it goes on where it was when it is run again. Exit code 11:
    refused, nothing was touched; 15: not in service yet; 16: beyond the
    objective; 18: restored, not verified, for postgres.url is not set; 21:
    another region's server is in charge.

    Examples:
      dr full-recovery --dry-run
      dr full-recovery --confirm shop
      dr full-recovery point_20240101_023000 --without logs,code
      dr full-recovery --exercise --confirm shop
      dr full-recovery --status
    """
    system = effective_configuration(session).system
    if status:
        _show_status(session, system, exercise=exercise)
        return
    wanted: dict[str, Any] = {
        "system": system.name,
        "point": point,
        "before": before,
        "database": "" if to_point is None else "point" if to_point else "newest",
        "without": without,
        "disaster_at": disaster_at,
        "anew": anew,
        "exercise": exercise,
    }
    plan = _plan(session, wanted)
    session.output.document["plan"] = plain(plan)
    for line in plan.lines():
        (session.output.note if session.output.json and not dry_run else session.output.say)(line)
    if dry_run:
        session.output.say("Nothing was done: this was a dry run.")
        return
    asked = consent.Question(system.name, production=True)
    if exercise:
        asked = consent.Question(system.name, True, "This exercise lays production's data and secrets onto this host.")
    typed = consent.obtain(session, asked, yes=False, typed=confirm, auto=system.auto_confirm)
    _recover(session, wanted | {"confirm_name": typed, "switch_anyway": switch_anyway, "agreed_point": plan.point})


def _plan(session: Session, wanted: dict[str, Any]) -> FullPlan:
    with procedures(session):
        from dr.policy.full_plan import FullPlan
        from flows.full_recovery import full_recovery as procedure

        plan = procedure(**wanted, dry_run=True)
    if not isinstance(plan, FullPlan):
        raise TypeError(f"a dry run came back with a {type(plan).__name__}")
    return plan


def _recover(session: Session, wanted: dict[str, Any]) -> None:
    try:
        with procedures(session):
            from flows.full_recovery import full_recovery as procedure

            outcome = procedure(**wanted)
    except DrError:
        _show_tables(session)
        raise
    from dr.evidence.full_outcome import FullOutcome

    if not isinstance(outcome, FullOutcome):
        raise TypeError(f"a full recovery came back with a {type(outcome).__name__}")
    _show(session, outcome)


def _show_tables(session: Session) -> None:
    """What it had come to, and what is left to do; the error follows."""
    record = record_of_last_run()
    if record is None:
        return
    for key, rows in tables_of(record).items():
        if key.startswith("full-recovery"):
            session.output.document[key.removeprefix("full-recovery-")] = rows
            session.output.table(key.replace("-", " "), rows)
    report = next((item.text for item in record.artifacts if item.key == "full-recovery-report"), "")
    session.output.document["report"] = report.splitlines()
    for line in report.splitlines():
        session.output.note(line)


def _show(session: Session, outcome: FullOutcome) -> None:
    from dr.evidence.full_outcome import full_phase_rows, part_rows, report_lines

    out, judged = session.output, outcome.verdict
    out.document["outcome"] = plain(outcome)
    out.document["rto_seconds"], out.document["rpo_seconds"] = judged.rto_seconds, judged.rpo_seconds
    out.document["rpo"], out.document["rpo_at_most_seconds"] = str(judged.rpo_certainty), judged.rpo_at_most
    out.document["exercise"] = outcome.exercise
    mark = "EXERCISE: " if outcome.exercise else ""
    out.table(f"{mark}full-system-failure: phases against RTO and RPO, in seconds", full_phase_rows(outcome))
    out.table(f"{mark}What became of each part", part_rows(outcome))
    for line in report_lines(outcome):
        out.say(line)
    if not judged.rpo_met and not judged.rpo_missed:
        out.note(f"WARNING: the loss was not measured ({judged.rpo_shown}), so the RPO is not shown to be met")
    if not judged.rto_met or judged.rpo_missed:
        raise ObjectiveMissed(
            f"{mark}{outcome.system} is back, but beyond the objective of a full system failure",
            detail=f"RTO {judged.rto_seconds:.1f} s of {judged.objective.rto_seconds:.0f} s; RPO {judged.rpo_shown}"
            f" of {judged.objective.rpo_seconds:.0f} s",
            hint=("End the exercise, as the list says. " if outcome.exercise else "Use it. ")
            + "Then see which phase took long, or back up more often. --disaster-at bounds the loss better.",
        )


def _show_status(session: Session, system: System, *, exercise: bool) -> None:
    from dr.evidence.journal import read_journal, unfinished
    from dr.operations.full_recovery.kept import status_rows
    from dr.operations.full_recovery.places import EXERCISE, PROCEDURE, journals

    found = unfinished(journals(system), EXERCISE if exercise else PROCEDURE, system.name)
    session.output.document["unfinished"] = [
        {"run": directory.name, "begun": opening.at, "parameters": dict(opening.parameters)}
        for directory, opening in found
    ]
    if not found:
        session.output.say(
            f"No {'exercise' if exercise else 'full recovery'} of {system.name} is unfinished on this host."
        )
        return
    directory, opening = found[0]
    rows = status_rows(read_journal(directory))
    session.output.document["steps"] = rows
    session.output.table(f"{directory.name}, begun {opening.at:%Y-%m-%d %H:%M:%S} UTC", rows)
    session.output.say("Run dr full-recovery with the same options to go on, or with --anew to begin again.")
