"""Ask a restored copy whether it is what was backed up: identity, tables, every row readable, the canary (I13).

A check that fails is an entry; the caller decides. Nothing in here trusts an exit status alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dr.catalog.canary import Beat
from dr.catalog.manifest import Manifest
from dr.configuration.model import System
from dr.evidence.findings import Check, CheckedCopy
from dr.evidence.phases import Phase, Stopwatch
from dr.operations.target import DirectoryTarget, Target
from dr.operations.wal.replay import Replayed, replayed
from dr.policy.recovery_point import RecoveryPoint
from dr.postgres.canary import last_beat
from dr.postgres.cluster import Server
from dr.postgres.connection import connected
from dr.postgres.digests import read_through
from dr.postgres.inspection import ServerFacts, dumped_tables, read_facts
from dr.secret import Secret

logger = logging.getLogger(__name__)


def check_copy(system: System, manifest: Manifest, target: Target, point: RecoveryPoint | None = None) -> CheckedCopy:
    """Question a restored copy wherever it is; a cluster is recovered to ``point`` first."""
    if isinstance(target, DirectoryTarget):
        return check_cluster(system, manifest, target.directory, point)
    return check_database(manifest, target.url)


def check_cluster(
    system: System, manifest: Manifest, directory: Path, point: RecoveryPoint | None = None
) -> CheckedCopy:
    """Start the restored cluster on a private socket, let it replay to the point, question it, and stop it."""
    with replayed(system, manifest, directory, point) as copy:
        return check_running(manifest, copy, point)


def check_running(manifest: Manifest, copy: Replayed, point: RecoveryPoint | None = None) -> CheckedCopy:
    """Question a recovered cluster that runs: who it is, whether it takes writes, and every row of its database."""
    stopwatch = Stopwatch()
    _note_start(copy.server, stopwatch)
    database = manifest.database.name if manifest.database else "postgres"
    with stopwatch.phase("check"):
        answers = _question(copy.server.url_for(database), physical=True)
    facts = answers.facts
    checks = (
        Check(
            "identity", facts.system_identifier == manifest.system_identifier, f"identifier {facts.system_identifier}"
        ),
        Check("writable", not facts.in_recovery, "in recovery" if facts.in_recovery else "recovery has ended"),
        _tables_kept(manifest, point, answers),
        _readable(answers),
        *((whole,) if (whole := copy.check(point)) else ()),
    )
    checked = _checked(checks, answers, stopwatch)
    return replace(checked, reached=str(copy.reached), notes=copy.notes, last_commit=copy.reached.commit)


def check_database(manifest: Manifest, url: Secret) -> CheckedCopy:
    """Question a restored database: the tables of the manifest with exactly their rows."""
    stopwatch = Stopwatch()
    with stopwatch.phase("check"):
        answers = _question(url, physical=False)
    checks = [_readable(answers)]
    if manifest.contents is not None:
        dumped = {table.name: table.rows for table in manifest.contents.tables}
        checks.append(_tables_there({table.name for table in manifest.table_estimates}, answers))
        wrong = {
            name: (rows, answers.counts[name])
            for name, rows in dumped.items()
            if answers.counts.get(name, rows) != rows
        }
        detail = ", ".join(f"{name}: {there} instead of {rows}" for name, (rows, there) in sorted(wrong.items())[:10])
        checks.append(Check("row counts", not wrong, detail or f"{sum(dumped.values())} rows as dumped"))
    return _checked(tuple(checks), answers, stopwatch)


@dataclass(frozen=True, slots=True)
class _Answers:
    facts: ServerFacts
    counts: Mapping[str, int]
    partitioned: frozenset[str]
    unreadable: tuple[str, ...]
    canary: Beat | None

    @property
    def tables(self) -> frozenset[str]:
        """Those that can be read, partitioned ones included: they have no rows of their own but are tables."""
        return self.partitioned | set(self.counts)


def _question(url: Secret, *, physical: bool) -> _Answers:
    """Read every table of the database through; a table that cannot be read is noted and the rest is read."""
    facts = read_facts(url)
    with connected(url) as connection:
        parents = frozenset(table.name for table in dumped_tables(connection) if not table.has_rows)
        read = read_through(connection, out_of_line=physical)
        canary = last_beat(connection)
    return _Answers(facts, read.counts, parents, read.unreadable, canary)


def _note_start(server: Server, stopwatch: Stopwatch) -> None:
    now = time.monotonic()
    begin = now - server.boot_seconds
    replayed = begin + server.replay_seconds
    stopwatch.add(Phase("replay", begin, replayed))
    stopwatch.add(Phase("boot", replayed, now))


def _tables_there(expected: set[str], answers: _Answers) -> Check:
    missing = sorted(expected - answers.tables)
    if missing:
        return Check("tables", False, f"{len(missing)} of {len(expected)} are missing: {', '.join(missing[:10])}")
    more = len(answers.tables - expected)
    return Check(
        "tables", True, f"all {len(expected)} there" + (f", and {more} that the backup did not name" if more else "")
    )


def _tables_kept(manifest: Manifest, point: RecoveryPoint | None, answers: _Answers) -> Check:
    """Tables of the backup that are gone: a defect, unless WAL was replayed in which they may have been dropped."""
    found = _tables_there({table.name for table in manifest.table_estimates}, answers)
    if found.passed or point is None or not point.pieces:
        return found
    return Check(found.name, True, f"{found.detail}: dropped or renamed after the backup, says the WAL behind it")


def _readable(answers: _Answers) -> Check:
    if answers.unreadable:
        return Check("readable", False, "; ".join(answers.unreadable[:5]))
    return Check("readable", True, f"{sum(answers.counts.values())} rows read")


def _checked(checks: tuple[Check, ...], answers: _Answers, stopwatch: Stopwatch) -> CheckedCopy:
    for check in checks:
        (logger.info if check.passed else logger.error)("check %s: %s", check.name, check.detail)
    return CheckedCopy(checks, len(answers.tables), sum(answers.counts.values()), answers.canary, stopwatch.phases)
