"""Copies on trial: restored up to a moment, asked one question, and removed. By them the last good moment is found."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from dr.catalog.lsn import Lsn
from dr.catalog.manifest import Manifest
from dr.catalog.wal_names import Segment, WalGeometry
from dr.configuration.model import System
from dr.errors import BackupInvalid, BackupNotFound, ConfigurationError, RecoveryFailed, SourceError
from dr.operations.base_candidates import BaseCandidates
from dr.operations.check_recovery import check_running
from dr.operations.check_source import bin_directories, source_url
from dr.operations.choose_point import choose_point
from dr.operations.database.emergency_copy import working_directory
from dr.operations.database.stage import clear
from dr.operations.plan_recovery import Chosen, choose
from dr.operations.repositories import open_repository
from dr.operations.restore import restore
from dr.operations.wal.locate import searching
from dr.operations.wal.read_index import read_index
from dr.operations.wal.replay import Replayed, replayed
from dr.policy.drill_verdict import Answer
from dr.policy.last_good import Asked, Commit, Trial
from dr.policy.recovery_target import RecoveryTarget
from dr.postgres.amcheck import amcheck
from dr.postgres.ask import ask
from dr.postgres.installations import server_for
from dr.postgres.page_checksums import check_pages

logger = logging.getLogger(__name__)

BASES = 5
"""More base backups than this are not tried: each is a whole recovery."""
_SECONDS = 600.0
_TRUE, _FALSE = "t", "f"


@dataclass(frozen=True, slots=True)
class GoodWhen:
    """What a good copy answers: true to ``sql``; without it, every page, row and index is as it should be."""

    sql: str = ""

    @property
    def on_disk(self) -> bool:
        """Whether what is looked for may be a disk's doing, of which the WAL knows nothing."""
        return not self.sql

    def __str__(self) -> str:
        return self.sql or "every page, row and index can be read and fits"


def check_condition(system: System, good_when: GoodWhen) -> str:
    """What production answers now, in words. Raises ``ConfigurationError`` when it is no condition at all."""
    if not good_when.sql or not system.postgres.configured:
        return ""
    try:
        answered = ask(source_url(system), good_when.sql, timeout_seconds=10)
    except SourceError:
        return "production does not answer"
    if answered.error:
        _require_sql(answered.error)
        return f"production answers: {answered.error}"
    return f"production answers: {'good' if _is_true(answered.rows) else 'not good'}"


def newest_bases(system: System) -> tuple[str, ...]:
    """The labels of the newest base backups, newest first. Raises ``BackupNotFound`` when there is none."""
    found = BaseCandidates(open_repository(system)).newest_first()
    labels = tuple(base.label for base in islice(found, BASES))
    if not labels:
        raise BackupNotFound(f"no store of {system.name} has a usable base backup", hint="dr list shows what there is.")
    return labels


def marks_of(system: System, label: str) -> tuple[Lsn, ...]:
    """Where each piece of WAL behind a base backup begins, from the first that begins after the backup's end."""
    point = choose_point(system, RecoveryTarget(), label)
    geometry, end = WalGeometry(point.segment_bytes), point.base.manifest.end_lsn
    begins = (geometry.begin(Segment.parse(piece.name)) for piece in point.pieces)
    return tuple(dict.fromkeys(begin for begin in begins if end is None or begin > end))


def commits_of(system: System, label: str, low: Lsn | None, high: Lsn | None) -> tuple[Commit, ...]:
    """The commits from ``low`` on and before ``high``, both by the place of their record; None is either end."""
    point = choose_point(system, RecoveryTarget(), label)
    manifest, size = point.base.manifest, point.segment_bytes
    begin = low or manifest.end_lsn or Lsn(0)
    geometry = WalGeometry(size)
    pieces = [
        piece
        for piece in point.pieces
        # A record may end in the segment behind the one in which it begins.
        if begin.position // size <= geometry.number(Segment.parse(piece.name))
        and (high is None or geometry.number(Segment.parse(piece.name)) <= high.position // size)
    ]
    with searching(system, read_index(system), manifest.server_major) as search:
        found = search.commits(pieces)
    return tuple(
        Commit(item.xid, item.lsn, item.time)
        for item in found
        if item.lsn >= begin and (high is None or item.lsn < high)
    )


def ask_copy(system: System, trial: Trial, good_when: GoodWhen) -> Asked:
    """Make the copy, ask it, remove it. One that cannot be made is not good, and what was in the way is said."""
    directory = working_directory(system) / "trial"
    clear(directory)
    try:
        chosen = choose(system, trial.label, str(directory), trial.until)
        restore(system, chosen)
        asked = _ask(system, chosen, directory, good_when)
    except (RecoveryFailed, BackupInvalid) as error:
        asked = (False, f"{error.message} {error.detail}".strip()[:500])
    finally:
        clear(directory)
    result = Asked(trial, *asked)
    logger.info("%s", result)
    return result


def _ask(system: System, chosen: Chosen, directory: Path, good_when: GoodWhen) -> tuple[bool, str]:
    manifest = chosen.found.manifest
    with replayed(system, manifest, directory, chosen.point, sealed=True) as copy:
        if good_when.sql:
            return _condition(copy, manifest, good_when.sql)
        wrong = _wrong_within(system, copy, manifest)
    pages = check_pages(directory, server_for(manifest.server_major, bin_directories(system)))
    wrong += [f"{pages.name}: {pages.detail}"] if pages.answer is Answer.FAILED else []
    return not wrong, "; ".join(wrong)[:500]


def _condition(copy: Replayed, manifest: Manifest, sql: str) -> tuple[bool, str]:
    database = manifest.database.name if manifest.database else "postgres"
    answered = ask(copy.server.url_for(database), sql, timeout_seconds=_SECONDS)
    if answered.error:
        _require_sql(answered.error)
        return False, answered.error  # a table that is gone, say
    return _is_true(answered.rows), ""


def _wrong_within(system: System, copy: Replayed, manifest: Manifest) -> list[str]:
    installation = server_for(manifest.server_major, bin_directories(system))
    wrong = [f"{item.name}: {item.detail}" for item in check_running(manifest, copy).checks if not item.passed]
    wrong += [
        f"{item.name}: {item.detail}" for item in amcheck(copy.server, installation) if item.answer is Answer.FAILED
    ]
    return wrong


def _is_true(rows: tuple[tuple[str | None, ...], ...]) -> bool:
    """One row of one boolean; no row is no. Raises ``ConfigurationError`` for anything else."""
    if not rows:
        return False
    value = rows[0][0] if rows[0] else None
    if len(rows) != 1 or len(rows[0]) != 1 or value not in (_TRUE, _FALSE, None):
        raise ConfigurationError(
            "what a good database answers must be true or false",
            detail=f"it answers {rows[0]!r}",
            hint="For instance --good-when 'SELECT count(*) > 100 FROM users'.",
        )
    return value == _TRUE


def _require_sql(error: str) -> None:
    """A statement that nobody understands would be answered no by every copy."""
    if "syntax error" in error or "read-only transaction" in error:
        raise ConfigurationError(
            "--good-when is no question that can be asked",
            detail=error,
            hint="For instance --good-when 'SELECT count(*) > 100 FROM users'.",
        )
