"""Before the components are backed up: where the database is, and which uploads its rows speak of.

The database comes first. An upload is there before the row that names it, so a files' backup that begins after the
mark has everything that rows at the mark name, unless it was removed meanwhile: what is missing is a finding.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from dr.catalog.lsn import Lsn
from dr.configuration.model import System
from dr.errors import SourceError
from dr.operations.check_source import refuse_exercise, source_url
from dr.postgres.inspection import read_facts
from dr.postgres.mark import Named, marking, referenced_paths

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Marked:
    """The mark. ``lsn`` None: the server was not asked, or did not answer, and ``reason`` says why.

    ``cluster`` is its system identifier. ``paths`` are what rows name, None with ``not_measured`` when that is not
    known; ``wanted`` says that the settings ask for them.
    """

    at: datetime
    lsn: Lsn | None = None
    timeline: int | None = None
    cluster: str = ""
    reason: str = ""
    paths: tuple[str, ...] | None = None
    not_measured: str = ""
    wanted: bool = False


def mark_position(system: System) -> Marked:
    """Never fails for the server's sake: what is beside the database must be safe above all when that is down.

    Raises ``IdentityMismatch`` where an exercise has recovered it: then what is beside it is the exercise's as well.
    """
    wanted = system.components.point.references is not None
    if not system.postgres.configured or not system.postgres.url.reveal():
        reason = "no server is configured"
        return Marked(datetime.now(UTC), reason=reason, not_measured=reason, wanted=wanted)
    statement, why_not = _statement(system)
    url = source_url(system)
    try:
        facts = read_facts(url)
        with marking(url) as (mark, connection):
            named = referenced_paths(connection, statement) if statement else Named(problem=why_not)
    except SourceError as error:
        reason = f"{error.message} {error.detail}".strip()
        logger.warning("the database's position is not known: %s", reason)
        return Marked(datetime.now(UTC), reason=reason, not_measured=reason, wanted=wanted)
    refuse_exercise(facts.exercise)
    if named.problem and statement:
        why_not = f"the statement in point.references does not run: {named.problem}"
    paths = None if named.problem else named.paths
    cluster = facts.system_identifier
    return Marked(mark.at, mark.lsn, mark.timeline, cluster, paths=paths, not_measured=why_not, wanted=wanted)


def _statement(system: System) -> tuple[str, str]:
    """The statement, or why there is none."""
    file = system.components.point.references
    if file is None:
        return "", "point.references is not set"
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        return "", f"point.references cannot be read: {error}"
    return text, "" if text else f"{file} (point.references) is empty"
