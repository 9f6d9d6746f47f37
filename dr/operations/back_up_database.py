"""Dump one database with its globals: one pass from pg_dump into every store, nothing on the way touches a disk."""

from __future__ import annotations

import logging
import os
import time
from contextlib import ExitStack
from datetime import UTC, datetime

from dr.catalog import labels
from dr.catalog.labels import Kind
from dr.catalog.manifest import Compression, Contents, Manifest, ObjectRecord, Role, TableRows
from dr.configuration.model import System
from dr.crypto.gnupg import Cipher, opened
from dr.errors import BackupInvalid
from dr.evidence.phases import Phase
from dr.operations.check_source import bin_directories, source_url
from dr.operations.draft import Draft
from dr.operations.objects import Destination, free_label
from dr.operations.repositories import open_repository
from dr.pipeline.process import PIPE_BYTES, Child, widen
from dr.pipeline.write import ObjectPipeline
from dr.postgres.dump import Snapshot, dump_process, exported_snapshot, read_globals
from dr.postgres.dump_scan import DumpScanner
from dr.postgres.inspection import ServerFacts, read_facts
from dr.postgres.installations import Installation, client_for
from dr.progress import reporter
from dr.secret import Secret

logger = logging.getLogger(__name__)

STEP = "dump"


def back_up_database(system: System, *, run: str, cloud: bool) -> Draft:
    """Take a logical backup. Raises before writing when the tools are too old (I1); undoes itself on any failure."""
    url = source_url(system)
    facts = read_facts(url)
    client = client_for(facts.major, bin_directories(system))
    repository = open_repository(system, cloud=cloud)
    label = free_label(repository, Kind.DUMP, datetime.now(UTC))
    begin = time.monotonic()
    logger.info("dumping database %s as %s to %s", facts.database, label, ", ".join(repository.stores))
    with ExitStack() as stack:
        cipher = stack.enter_context(opened(system.encryption))
        destination = stack.enter_context(Destination(repository, label))
        snapshot = stack.enter_context(exported_snapshot(url))
        dump, contents = _stream_dump(url, client, snapshot, cipher, destination, facts)
        _require_complete(contents, snapshot)
        globals_ = _write_globals(url, client, snapshot, cipher, destination)
        destination.keep()
    manifest = Manifest(
        label=str(label),
        kind=Kind.DUMP,
        system=system.name,
        system_identifier=facts.system_identifier,
        server_version=facts.version,
        begin=snapshot.taken,
        end=datetime.now(UTC),
        objects=(dump, globals_),
        stores=destination.stores,
        encryption=cipher.record,
        run=run,
        superuser=facts.bootstrap_superuser,
        database=snapshot.shape,
        begin_lsn=snapshot.position,
        end_lsn=snapshot.position,
        contents=contents,
        snapshot=snapshot.point,
        table_estimates=tuple(TableRows(table.name, table.estimate) for table in snapshot.tables),
        tools={"pg_dump": client.version},
    )
    logger.info("dumped %s: %d tables, %d bytes stored", label, len(contents.tables), manifest.stored_bytes)
    phase = Phase("dump", begin, time.monotonic(), bytes=dump.plain_bytes)
    return Draft(manifest, destination.failures, (phase,))


def _stream_dump(
    url: Secret,
    client: Installation,
    snapshot: Snapshot,
    cipher: Cipher,
    destination: Destination,
    facts: ServerFacts,
) -> tuple[ObjectRecord, Contents]:
    key = labels.dump_key(destination.system, destination.label)
    scanner = DumpScanner()
    watcher = reporter()
    watcher.begin(STEP, facts.database_bytes)
    with (
        cipher.encryptor(key) as encryptor,
        ObjectPipeline(key, Role.DUMP, Compression.GZIP, encryptor, destination.open_stores) as pipeline,
        dump_process(url, client, snapshot) as source,
    ):
        _pump(source, scanner, pipeline)
        written = pipeline.finish(source.wait(deadline_seconds=60))
    watcher.end(STEP)
    destination.note(written)
    if not scanner.complete:
        raise BackupInvalid(
            "the dump has no end mark although pg_dump reports success", hint="Run it again; look at pg_dump's version."
        )
    return written.record, scanner.contents()


def _pump(source: Child, scanner: DumpScanner, pipeline: ObjectPipeline) -> None:
    watcher = reporter()
    widen(source.stdout)
    descriptor = source.stdout.fileno()
    while data := os.read(descriptor, PIPE_BYTES):
        scanner.feed(data)
        pipeline.write(data)
        watcher.advance(STEP, len(data))


def _require_complete(contents: Contents, snapshot: Snapshot) -> None:
    """Every table that the server had in the snapshot is in the dump (I12)."""
    dumped = {table.name for table in contents.tables}
    missing = sorted(table.name for table in snapshot.tables if table.name not in dumped)
    if missing:
        raise BackupInvalid(
            f"the dump lacks {len(missing)} of the server's {len(snapshot.tables)} tables",
            detail=", ".join(missing[:10]),
            hint="Run it again; if it happens twice, look for what pg_dump leaves out (rights, row security).",
        )


def _write_globals(
    url: Secret, client: Installation, snapshot: Snapshot, cipher: Cipher, destination: Destination
) -> ObjectRecord:
    text = read_globals(url, client, snapshot.shape.name).encode()
    key = labels.globals_key(destination.system, destination.label)
    with (
        cipher.encryptor(key) as encryptor,
        ObjectPipeline(key, Role.GLOBALS, Compression.GZIP, encryptor, destination.open_stores) as pipeline,
    ):
        pipeline.write(text)
        written = pipeline.finish()
    destination.note(written)
    return written.record
