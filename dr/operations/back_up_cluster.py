"""Copy the whole cluster physically, in full or what has changed: one stream, one encrypted object per tablespace."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from datetime import UTC, datetime

from dr.catalog.labels import Kind, Label
from dr.catalog.manifest import DatabaseShape, Manifest, TableRows
from dr.configuration.model import System
from dr.crypto.gnupg import Cipher, opened
from dr.errors import BackupInvalid
from dr.evidence.phases import Phase
from dr.operations.check_source import physical_url, source_url
from dr.operations.choose_base import choose_base, insist
from dr.operations.draft import Draft
from dr.operations.objects import Destination, free_label
from dr.operations.parent_manifest import ManifestKeeper, parent_manifest
from dr.operations.receive_archives import ArchiveReceiver
from dr.operations.repositories import open_repository
from dr.policy.base_schedule import BaseMethod, Choice, full
from dr.postgres.base_backup import BaseBackup, base_backup
from dr.postgres.connection import connected
from dr.postgres.incremental import IncrementalRefused
from dr.postgres.inspection import DumpedTable, backup_end, database_shape, dumped_tables, read_facts
from dr.storage.repository import Repository

logger = logging.getLogger(__name__)


def back_up_cluster(system: System, *, run: str, cloud: bool, base_method: BaseMethod = BaseMethod.AUTO) -> Draft:
    """Take a base backup, full or incremental as the rule says; it carries the WAL it needs.

    Undoes itself on any failure. Raises ``SourceError`` when an incremental one is insisted on and not possible.
    """
    facts = read_facts(source_url(system))
    repository = open_repository(system, cloud=cloud)
    begin, taken = time.monotonic(), datetime.now(UTC)
    choice, parent = choose_base(system, facts, repository, base_method, taken)
    before, shape = _tables(system)
    with ExitStack() as stack:
        cipher = stack.enter_context(opened(system.encryption))
        if parent is not None:
            choice, label, backup = _incremental_or_full(stack, system, repository, cipher, choice, parent, base_method)
        else:
            label, backup = _full(stack, system, repository)
        destination = stack.enter_context(Destination(repository, label))
        keeper = stack.enter_context(ManifestKeeper(system, label))
        logger.info("copying cluster %s as %s (%s)", facts.system_identifier, label, choice.reason)
        receiver = ArchiveReceiver(backup, cipher, destination, keeper)
        receiver.run()
        with connected(source_url(system)) as connection:
            ended = backup_end(connection)
        destination.keep()
        keeper.keep()
    # A table that came or went meanwhile may be missing from the copy; only those seen twice must be in it.
    after = {table.name for table in _tables(system)[0]}
    tables = [table for table in before if table.name in after]
    manifest = Manifest(
        label=str(label),
        kind=Kind.BASE,
        system=system.name,
        system_identifier=facts.system_identifier,
        server_version=facts.version,
        begin=taken,
        end=datetime.now(UTC),
        objects=tuple(receiver.records),
        stores=destination.stores,
        encryption=cipher.record,
        run=run,
        parent=str(choice.parent) if choice.parent else None,
        superuser=facts.bootstrap_superuser,
        database=shape,
        timeline=backup.timeline,
        begin_lsn=backup.begin_lsn,
        end_lsn=backup.end_lsn,
        server_end=ended.server_end,
        next_xid=ended.next_xid,
        table_estimates=tuple(TableRows(table.name, table.estimate) for table in tables),
        tools={"compressed by": "server" if backup.server_compressed else "client"},
    )
    logger.info(
        "copied %s: WAL %s to %s, %d bytes stored", label, backup.begin_lsn, backup.end_lsn, manifest.stored_bytes
    )
    phase = Phase("base backup", begin, time.monotonic(), bytes=receiver.done)
    reason = "; ".join(part for part in (choice.reason, keeper.trouble) if part)
    return Draft(manifest, destination.failures, (phase,), reason)


def _incremental_or_full(
    stack: ExitStack,
    system: System,
    repository: Repository,
    cipher: Cipher,
    choice: Choice,
    parent: Manifest,
    wanted: BaseMethod,
) -> tuple[Choice, Label, BaseBackup]:
    """Begin an incremental one; where the server or its parent's manifest does not allow that, a full one and why."""
    label = free_label(repository, Kind.BASE, datetime.now(UTC), choice.method)
    try:
        with parent_manifest(system, parent, tuple(repository.stores.values()), cipher) as file:
            backup = stack.enter_context(base_backup(physical_url(system), str(label), parent_manifest=file))
            return choice, label, backup
    except IncrementalRefused as error:
        choice = full(f"the server refuses an incremental one on {parent.label}: {error.detail}")
    except BackupInvalid as error:
        choice = full(f"{error.message} ({error.detail})")
    insist(wanted, choice)
    logger.warning("a full base backup instead of an incremental one: %s", choice.reason)
    return choice, *_full(stack, system, repository)


def _full(stack: ExitStack, system: System, repository: Repository) -> tuple[Label, BaseBackup]:
    label = free_label(repository, Kind.BASE, datetime.now(UTC))
    return label, stack.enter_context(base_backup(physical_url(system), str(label)))


def _tables(system: System) -> tuple[tuple[DumpedTable, ...], DatabaseShape]:
    with connected(source_url(system)) as connection:
        return dumped_tables(connection), database_shape(connection)
