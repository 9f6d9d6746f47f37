"""Back up one component: whatever it is, it is stored, read back and published as a dump is."""

from __future__ import annotations

import dataclasses
import logging
import time
from contextlib import ExitStack, suppress
from datetime import UTC, datetime

from dr.catalog.labels import Kind
from dr.catalog.manifest import ComponentContents, Manifest
from dr.components.protocol import InParts
from dr.components.registry import BY_KIND
from dr.configuration.model import System
from dr.crypto.gnupg import opened
from dr.errors import BackupInvalid, ConfigurationError, StoreError
from dr.evidence.phases import Phase
from dr.operations.component.sink import STEP, ObjectSink
from dr.operations.draft import Draft
from dr.operations.objects import Destination, free_label
from dr.operations.repositories import open_repository
from dr.policy.retention_periods import STANDARD
from dr.progress import reporter
from dr.storage.repository import Repository

logger = logging.getLogger(__name__)


def back_up_component(system: System, kind: Kind, *, run: str, cloud: bool, keep_as: str = STANDARD) -> Draft:
    """Take a backup of one kind; of one that is made in parts, the part that is kept as ``keep_as``.

    Raises before writing when its source cannot be read, and undoes itself on any failure.
    """
    row = BY_KIND[kind]
    whole = row.open(system)
    if not whole.configured:
        raise ConfigurationError(f"{system.name} has no {row.title}", hint=f"Give it some: settings {kind}.*")
    component = whole.part(keep_as) if isinstance(whole, InParts) else whole
    notes = component.check()
    repository = open_repository(system, cloud=cloud)
    begun, begin = datetime.now(UTC), time.monotonic()
    label = free_label(repository, kind, begun)
    logger.info("backing up %s as %s to %s", row.title, label, ", ".join(repository.stores))
    reporter().begin(STEP, None)
    with ExitStack() as stack:
        stack.callback(reporter().end, STEP)
        cipher = stack.enter_context(opened(system.encryption))
        destination = stack.enter_context(Destination(repository, label))
        sink = ObjectSink(destination, cipher)
        contents = component.back_up(sink)
        if not sink.records:
            raise BackupInvalid(f"the backup of {row.title} holds nothing", hint=f"Look at the settings {kind}.*")
        destination.keep()
    manifest = Manifest(
        label=str(label),
        kind=kind,
        system=system.name,
        system_identifier=cluster_of(repository),
        server_version=0,
        begin=begun,
        end=datetime.now(UTC),
        objects=sink.records,
        stores=destination.stores,
        encryption=cipher.record,
        run=run,
        component=_noted(contents, (*notes, *sink.notes)),
        retention_class=keep_as,
    )
    logger.info("backed up %s: %d objects, %d bytes stored", label, len(sink.records), manifest.stored_bytes)
    plain = sum(item.plain_bytes or 0 for item in sink.records)
    return Draft(manifest, destination.failures, (Phase(str(kind), begin, time.monotonic(), bytes=plain),))


def _noted(contents: ComponentContents, notes: tuple[str, ...]) -> ComponentContents:
    return dataclasses.replace(contents, notes=tuple(dict.fromkeys((*notes, *contents.notes))))


def cluster_of(repository: Repository) -> str:
    """The cluster that the repository belongs to; empty when none has claimed it, for the database may be down now."""
    for store in repository.stores.values():
        with suppress(StoreError, BackupInvalid):
            record = repository.identify(store)
            if record is not None:
                return record.system_identifier
    return ""
