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
from dr.errors import ConfigurationError, SourceError
from dr.operations.check_source import source_url
from dr.postgres.mark import marking, referenced_paths

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Marked:
    """The mark. ``lsn`` None: the server was not asked, or did not answer, and ``reason`` says why.

    ``paths`` are what rows name, None with ``not_measured`` when that is not known.
    """

    at: datetime
    lsn: Lsn | None = None
    timeline: int | None = None
    reason: str = ""
    paths: tuple[str, ...] | None = None
    not_measured: str = ""


def mark_position(system: System) -> Marked:
    """Never fails for the server's sake: what is beside the database must be safe above all when that is down."""
    if not system.postgres.configured or not system.postgres.url.reveal():
        return Marked(datetime.now(UTC), reason="no server is configured", not_measured="no server is configured")
    try:
        statement, why_not = _statement(system)
        with marking(source_url(system)) as (mark, connection):
            paths = tuple(dict.fromkeys(referenced_paths(connection, statement))) if statement else None
    except SourceError as error:
        logger.warning("the database's position is not known: %s", error.message)
        return Marked(datetime.now(UTC), reason=error.message, not_measured=error.message)
    return Marked(mark.at, mark.lsn, mark.timeline, paths=paths, not_measured=why_not)


def _statement(system: System) -> tuple[str, str]:
    file = system.components.point.references
    if file is None:
        return "", "point.references is not set"
    try:
        return file.read_text(encoding="utf-8"), ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"point.references cannot be read: {file}", str(error), "Correct the path, or leave it out."
        ) from error
