"""A recovery's result: phases against the objective, the copy's answers, and how to put it into service."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dr.cli.output import plain
from dr.cli.session import Session
from dr.errors import DrError, ObjectiveMissed

if TYPE_CHECKING:
    from dr.configuration.model import System
    from dr.evidence.scoreboard import RecoveryOutcome


def show(session: Session, outcome: RecoveryOutcome, system: System, *, in_service: bool = False) -> None:
    """Show everything; raise ObjectiveMissed when a measured figure is beyond its objective.

    ``in_service``: it serves already, and nobody has to be told how to begin.
    """
    from dr.evidence.scoreboard import check_rows, phase_rows

    out, judged = session.output, outcome.verdict
    out.table(f"{outcome.scenario}: phases against RTO and RPO, in seconds", phase_rows(outcome))
    out.table("What the restored copy answered", check_rows(outcome.checks))
    start = [] if in_service else how_to_begin(outcome, system)
    out.document.update(document(outcome), start=start)
    out.say(f"{outcome.label} from store {outcome.store} is restored to {outcome.target}:")
    out.say(f"{outcome.tables} tables, {outcome.rows} rows read, in {outcome.seconds:.1f} s.")
    if outcome.reached:
        out.say(f"Replay: {outcome.reached}.")
    out.say(f"RPO: {outcome.loss.explanation}.")
    for note in outcome.notes:
        out.say(f"Note: {note}.")
    if start:
        out.say("\n".join(("To put it into service:", *(f"  {line}" for line in start))))
    if not judged.rpo_met and not judged.rpo_missed:
        out.note(f"WARNING: the loss was not measured, so the RPO is not shown to be met: {outcome.loss.explanation}")
    _require_met(outcome)


def _require_met(outcome: RecoveryOutcome) -> None:
    """Raise ObjectiveMissed for what was measured and is too much; what was not measured has been warned of."""
    judged = outcome.verdict
    missed = []
    if not judged.rto_met:
        missed.append(f"RTO {judged.rto_seconds:.1f} s of {judged.objective.rto_seconds:.0f} s")
    if judged.rpo_missed:
        missed.append(f"RPO {judged.rpo_shown} of {judged.objective.rpo_seconds:.0f} s")
    if missed:
        raise ObjectiveMissed(
            f"{outcome.label} is restored and sound, but beyond the objective of {outcome.scenario}",
            detail="; ".join(missed),
            hint="Use the copy. Then see which phase took long, or back up more often.",
        )


def document(outcome: RecoveryOutcome) -> dict[str, Any]:
    """The outcome as ``--json`` gives it; times in seconds."""
    judged = outcome.verdict
    return {
        "label": outcome.label,
        "kind": outcome.kind,
        "target": outcome.target,
        "store": outcome.store,
        "scenario": str(outcome.scenario),
        "rto_seconds": judged.rto_seconds,
        "rto_target_seconds": judged.objective.rto_seconds,
        "rto_met": judged.rto_met,
        "rpo": str(judged.rpo_certainty),
        "rpo_seconds": judged.rpo_seconds,
        "rpo_at_most_seconds": judged.rpo_at_most,
        "rpo_target_seconds": judged.objective.rpo_seconds,
        "rpo_met": judged.rpo_met,
        "rpo_explanation": outcome.loss.explanation,
        "met": judged.met,
        "phases": outcome.phase_seconds,
        "checks": plain(outcome.checks),
        "tables": outcome.tables,
        "rows": outcome.rows,
        "notes": list(outcome.notes),
        "reached": outcome.reached,
    }


def how_to_begin(outcome: RecoveryOutcome, system: System) -> list[str]:
    """The commands that begin the restored directory; none for a database on a server that runs already."""
    directory = Path(outcome.target)
    version = directory / "PG_VERSION"
    if outcome.kind != "base" or not version.is_file():
        return []
    from dr.operations.check_source import bin_directories
    from dr.postgres.installations import server_for

    try:
        program = str(server_for(int(version.read_text().strip()), bin_directories(system)).program("pg_ctl"))
    except DrError:
        program = "pg_ctl"  # it was questioned by that server a moment ago; the person will know where it is
    begin = (
        f"{shlex.quote(program)} -D {shlex.quote(str(directory))} -l {shlex.quote(str(directory / 'begin.log'))} start"
    )
    if os.geteuid() != 0 or directory.stat().st_uid != 0:
        return [begin]
    # PostgreSQL does not run as root, to whom all of it belongs.
    places = [directory, directory.with_name(directory.name + "_tablespaces")]
    owned = " ".join(shlex.quote(str(place)) for place in places if place.exists())
    return [f"chown -R postgres {owned}", f"runuser -u postgres -- {begin}"]
