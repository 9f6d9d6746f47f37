"""Load a logical dump, with its globals first, into a database that is empty or does not exist yet."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from dr.catalog.manifest import Manifest, ObjectRecord, Role
from dr.configuration.model import System
from dr.crypto.gnupg import Cipher, opened
from dr.errors import BackupInvalid, ToolError
from dr.evidence.phases import Phase, Stopwatch, merge
from dr.operations.check_source import bin_directories
from dr.operations.find_backup import Found, source_stores
from dr.operations.objects_back import STEP, feed, from_first_whole_copy, reading, streamed_phases
from dr.operations.target import DatabaseTarget
from dr.pipeline.process import Child
from dr.pipeline.read import ObjectReader
from dr.postgres.inspection import read_facts
from dr.postgres.installations import Installation, client_for
from dr.postgres.sql_restore import (
    check_psql,
    drop_database,
    existing_databases,
    existing_roles,
    fit_header,
    in_place_tablespaces,
    known_settings,
    prepare_database,
    psql,
    run_script,
    split_globals,
    without_existing_roles,
)
from dr.progress import reporter
from dr.storage.protocol import Store

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RestoredDatabase:
    """A loaded database, not questioned yet."""

    database: str
    created: bool
    store: str
    phases: tuple[Phase, ...]
    notes: tuple[str, ...]


def restore_database(system: System, found: Found, target: DatabaseTarget) -> RestoredDatabase:
    """Load into the target. A database that this run made is dropped again when a copy turns out to be damaged."""
    manifest = found.manifest
    maintenance = target.maintenance_url
    facts = read_facts(maintenance)
    if manifest.server_major > facts.major:
        raise ToolError(
            f"the dump is of PostgreSQL {manifest.server_major} and the target is {facts.major}",
            hint=f"Restore into PostgreSQL {manifest.server_major} or newer.",
        )
    client = client_for(max(facts.major, manifest.server_major), bin_directories(system))
    stopwatch = Stopwatch()
    made = False
    watcher = reporter()
    watcher.begin(STEP, manifest.stored_bytes)

    def undo() -> None:
        if made:
            drop_database(maintenance, target.database)

    def attempt(store: Store) -> str:
        nonlocal made
        logger.info("restoring %s from %s into %s", manifest.label, store.name, target)
        with stopwatch.phase("globals"):
            created_by_script = _restore_globals(store, manifest, cipher, client, target)
            made = prepare_database(maintenance, target.database, manifest.database) or created_by_script
        _load(store, _dump_of(manifest), cipher, client, target, stopwatch)
        return store.name

    try:
        with opened(system.encryption) as cipher:
            store, notes = from_first_whole_copy(source_stores(system, found), attempt, undo)
    finally:
        watcher.end(STEP)
    return RestoredDatabase(target.database, made, store, merge(stopwatch.phases), notes)


def _dump_of(manifest: Manifest) -> ObjectRecord:
    dump = manifest.object_of(Role.DUMP)
    if dump is None:
        raise BackupInvalid(f"{manifest.label} holds no dump", hint="Name the file that ends in .sql.gz.gpg.")
    return dump


def _restore_globals(
    store: Store, manifest: Manifest, cipher: Cipher, client: Installation, target: DatabaseTarget
) -> bool:
    """Roles and tablespaces; the database with its settings when the target has the original's name.

    Roles that the target already has keep their passwords and rights. True when the script made the database.
    """
    item = manifest.object_of(Role.GLOBALS)
    if item is None:
        return False
    with reading(store, item, cipher) as reader:
        text = b"".join(reader).decode()
        reader.finish()
    roles, database = split_globals(in_place_tablespaces(text) if target.sandbox else text)
    maintenance = target.maintenance_url
    before = existing_databases(maintenance)
    run_script(
        maintenance,
        client,
        "postgres",
        without_existing_roles(roles, existing_roles(maintenance, "postgres")),
        "the globals",
    )
    same_name = manifest.database is not None and manifest.database.name == target.database
    if same_name and target.database not in before:
        run_script(maintenance, client, "postgres", database, "the database's settings")
        return True
    return False


def _load(
    store: Store,
    item: ObjectRecord,
    cipher: Cipher,
    client: Installation,
    target: DatabaseTarget,
    stopwatch: Stopwatch,
) -> None:
    begin = time.monotonic()
    known = known_settings(target.maintenance_url, target.database)
    with reading(store, item, cipher) as reader, psql(target.url, client, target.database) as child:
        waited = _pour(reader, child, known)
        settle = time.monotonic()
        ended = child.wait()
        waited += time.monotonic() - settle
        # The object's own verdict comes first: a dump that was cut off also makes psql complain.
        reader.finish()
        check_psql(ended, f"database {target.database}")
        for phase in streamed_phases(begin, time.monotonic(), reader.seconds, waited, item.stored_bytes):
            stopwatch.add(phase)


def _pour(reader: ObjectReader, child: Child, known: set[str]) -> float:
    waited, first, taken = 0.0, True, True
    for chunk in reader:
        if not taken:
            continue
        data = fit_header(chunk, known) if first else chunk
        first = False
        before = time.monotonic()
        taken = feed(child.stdin, data)
        waited += time.monotonic() - before
    child.close_stdin()
    return waited
