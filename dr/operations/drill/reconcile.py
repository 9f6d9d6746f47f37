"""The two kinds of backup against each other: a cluster recovered to the very snapshot of a dump must hold its rows.

The dump was read by SQL, the cluster copied by pages: what both say alike, neither has got wrong by itself.
"""

from __future__ import annotations

from dataclasses import replace

from dr.catalog.manifest import Contents, Manifest, SnapshotPoint
from dr.operations.drill.contents import compare_rows, read_contents
from dr.policy.drill_verdict import Answer, Probe
from dr.policy.dump_contents import differing_others, shortened
from dr.postgres.installations import Installation
from dr.postgres.snapshots import unlogged_tables
from dr.secret import Secret

_NAME = "reconcile"


def reconcile(url: Secret, dump: Manifest, client: Installation, between: tuple[int, ...]) -> tuple[Probe, ...]:
    """Compare the running copy with the dump's manifest.

    ``between`` are transactions that had written their commit and were not visible to the dump yet: with them both
    differ rightly, and nothing is proven.
    """
    expected, snapshot = dump.contents, dump.snapshot
    if expected is None or snapshot is None:
        return (Probe(_NAME, Answer.UNPROVEN, f"{dump.label} does not say what it saw", essential=True),)
    if between:
        detail = f"transactions {', '.join(map(str, between))} ended between the dump's snapshot and its WAL position"
        return (Probe(_NAME, Answer.UNPROVEN, f"{detail}: nothing can be said of this one, the next may do"),)
    found = read_contents(url, client)
    unlogged = unlogged_tables(url)
    probes = _named(compare_rows(_without(expected, unlogged), _without(found, unlogged)), snapshot)
    others = tuple(differing_others(expected, found, sequences=False))
    if others:
        probes += (Probe(f"{_NAME}: large objects", Answer.FAILED, shortened(others)),)
    if unlogged:
        detail = f"{', '.join(sorted(unlogged))}: empty after a recovery, as PostgreSQL means it"
        probes += (Probe(f"{_NAME}: unlogged tables", Answer.PASSED, detail),)
    return probes


def _named(probes: tuple[Probe, ...], snapshot: SnapshotPoint) -> tuple[Probe, ...]:
    at = f"at {snapshot.lsn}"
    return tuple(replace(item, name=f"{_NAME}: {item.name}", detail=f"{item.detail} {at}") for item in probes)


def _without(contents: Contents, tables: frozenset[str]) -> Contents:
    kept = tuple(table for table in contents.tables if table.name not in tables)
    return Contents(kept, contents.entries, contents.toc_sha256)
