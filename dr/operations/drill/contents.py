"""Is in a loaded dump what was dumped? It is dumped again, to nowhere, and compared with what the manifest says."""

from __future__ import annotations

import os

from dr.catalog.manifest import Contents, Manifest
from dr.errors import PipelineError
from dr.pipeline.process import PIPE_BYTES, widen
from dr.policy.drill_verdict import Answer, Probe
from dr.policy.dump_contents import differing_others, differing_tables, same_definitions, shortened
from dr.postgres.dump import dump_process, exported_snapshot
from dr.postgres.dump_scan import DumpScanner
from dr.postgres.installations import Installation
from dr.secret import Secret


def read_contents(url: Secret, client: Installation) -> Contents:
    """What a dump of this database would hold now; nothing of it touches a disk. Raises ``PipelineError``."""
    scanner = DumpScanner()
    with exported_snapshot(url) as snapshot, dump_process(url, client, snapshot) as source:
        widen(source.stdout)
        descriptor = source.stdout.fileno()
        while data := os.read(descriptor, PIPE_BYTES):
            scanner.feed(data)
        ended = source.wait(deadline_seconds=60)
    if not ended.ok or not scanner.complete:
        raise PipelineError("the restored copy cannot be dumped", str(ended), "Look at the message above.")
    return scanner.contents()


def check_dump_contents(url: Secret, manifest: Manifest, client: Installation) -> tuple[Probe, ...]:
    """Tables, rows and their content, large objects, sequences, and every object's definition by its name."""
    expected = manifest.contents
    if expected is None:
        return (Probe("contents", Answer.UNPROVEN, "the manifest does not say what was dumped"),)
    found = read_contents(url, client)
    return (*compare_rows(expected, found), *_others(expected, found), _definitions(manifest, client, expected, found))


def compare_rows(expected: Contents, found: Contents) -> tuple[Probe, ...]:
    """Every table of one in the other, with the same rows."""
    rows = sum(table.rows for table in expected.tables)
    digested = sum(1 for table in expected.tables if table.digest)
    problems = differing_tables(expected, found)
    if problems:
        return (Probe("contents", Answer.FAILED, shortened(problems)),)
    told = f"{len(expected.tables)} tables, {rows} rows, {digested} tables compared by content"
    probes = [Probe("contents", Answer.PASSED, told)]
    if digested < len(expected.tables):
        detail = f"{len(expected.tables) - digested} tables were dumped without a digest: only their rows are counted"
        probes.append(Probe("content digests", Answer.UNPROVEN, detail))
    return tuple(probes)


def _others(expected: Contents, found: Contents) -> tuple[Probe, ...]:
    problems = tuple(differing_others(expected, found))
    if problems:
        return (Probe("large objects and sequences", Answer.FAILED, shortened(problems)),)
    told = f"{expected.large_objects} large objects, {found.sequences} sequences"
    return (Probe("large objects and sequences", Answer.PASSED, told),)


def _definitions(manifest: Manifest, client: Installation, expected: Contents, found: Contents) -> Probe:
    if same_definitions(expected, found):
        return Probe("definitions", Answer.PASSED, f"{expected.entries} objects by type and name")
    told = f"{found.entries} objects, {expected.entries} were dumped"
    if manifest.tools.get("pg_dump") != client.version:
        made = manifest.tools.get("pg_dump", "another pg_dump")
        return Probe("definitions", Answer.UNPROVEN, f"{told}; dumped by {made}, read by {client.version}")
    return Probe("definitions", Answer.FAILED, told)
