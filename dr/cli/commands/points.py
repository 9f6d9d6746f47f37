"""``dr points``: the recovery points there are, what belongs to each, and how well it fits together."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from dr.cli.figures import age
from dr.cli.runners import effective_configuration
from dr.cli.session import Session

if TYPE_CHECKING:
    from dr.operations.point.find import FoundPoint


def points(
    session: Session,
    label: Annotated[
        str, typer.Argument(metavar="[LABEL]", show_default=False, help="One point, with everything in it.")
    ] = "",
    most: Annotated[int, typer.Option(min=1, help="How many, from the newest back.")] = 20,
) -> None:
    """List recovery points: which backups belong to one state of the system.

    A point names the database's position and the backup of every component
    beside it; a full recovery takes one. "apart" is the longest distance in time
    between its parts; "usable" says whether all of them are still there.

    Examples:
      dr points
      dr points point_20260101_023104
    """
    from dr.operations.point.find import find_point
    from dr.operations.point.find import points as found_points

    system = effective_configuration(session).system
    if label:
        _describe(session, find_point(system, label))
        return
    now = datetime.now(UTC)
    found = list(islice(found_points(system), most))
    rows = [_row(item, now) for item in found]
    session.output.document.update(system=system.name, points=rows)
    session.output.table(f"Recovery points of {system.name}", rows)
    if not rows:
        session.output.say(f"{system.name} has no recovery point yet: dr application-backup makes one.")


def _row(point: FoundPoint, now: datetime) -> dict[str, object]:
    contents = point.contents
    database, references = contents.database, contents.references
    return {
        "point": point.manifest.label,
        "age": age((now - point.manifest.begin).total_seconds()),
        "database": (str(database.lsn) if database.lsn else database.dump) if database else "NONE",
        "parts": len(contents.labels),
        "apart": age(contents.apart_seconds),
        "files missing": references.reason or f"{references.missing} of {references.asked}",
        "fits": "yes" if point.consistency.fits else "NO",
        "usable": f"NO: {point.lack}" if point.lack else "yes",
    }


def _describe(session: Session, point: FoundPoint) -> None:
    from tasks.reporting_components import point_rows

    out, contents = session.output, point.contents
    rows = point_rows(point)
    out.document.update(
        label=point.manifest.label,
        statement=point.consistency.statement,
        problems=list(point.consistency.problems),
        gone=list(point.gone),
        parts=rows,
        apart_seconds=contents.apart_seconds,
        files_asked=contents.references.asked,
        files_missing=contents.references.missing,
    )
    out.table(point.manifest.label, rows)
    out.say(point.consistency.statement)
    for problem in point.consistency.problems:
        out.say(f"* {problem}")
    database = contents.database
    if database is not None and database.lsn is not None:
        timeline = f" --timeline {database.timeline}" if database.timeline else ""
        out.say(f"The database at this point: dr recover-db --target-lsn {database.lsn}{timeline} --to DIRECTORY")
    elif database is not None:
        out.say(f"The database at this point: dr recover-db {database.dump} --to URL")
    for member in contents.members:
        out.say(f"{member.kind}: dr restore {member.label} --to DIRECTORY")
