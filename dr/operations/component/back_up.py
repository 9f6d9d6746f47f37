"""Back up one component: whatever it is, it is stored, read back and published as a dump is."""

from __future__ import annotations

import dataclasses
import logging
import time
from contextlib import ExitStack, suppress
from datetime import UTC, datetime

from dr.catalog.labels import Kind
from dr.catalog.manifest import ComponentContents, Manifest
from dr.components.protocol import Component, InParts
from dr.components.registry import BY_KIND
from dr.configuration.model import System
from dr.crypto.gnupg import opened
from dr.errors import BackupInvalid, ConfigurationError, DrError, Interrupted, StoreError
from dr.evidence.phases import Phase
from dr.operations.component.sink import STEP, ObjectSink
from dr.operations.draft import Draft
from dr.operations.objects import Destination, free_label
from dr.operations.repositories import open_repository
from dr.policy.retention_periods import STANDARD
from dr.progress import reporter
from dr.storage.repository import Repository

logger = logging.getLogger(__name__)


def back_up_component(system: System, kind: Kind, *, run: str, cloud: bool) -> tuple[Draft, ...]:
    """Take a backup of one kind: one, or one of each of its parts.

    A backup raises before writing when its source cannot be read, and undoes itself on any failure. Where some parts
    can be made, what the others fail with is a warning of the first one made: its run is not green.
    """
    row = BY_KIND[kind]
    component = row.open(system)
    if not component.configured:
        raise ConfigurationError(f"{system.name} has no {row.title}", hint=f"Give it some: settings {kind}.*")
    if not isinstance(component, InParts):
        return (_back_up(system, kind, component, STANDARD, run=run, cloud=cloud),)
    drafts: list[Draft] = []
    failures: dict[str, DrError] = {}
    for name in component.parts:
        try:
            drafts.append(_back_up(system, kind, component.part(name), name, run=run, cloud=cloud))
        except Interrupted:
            raise
        except DrError as error:
            failures[name] = error
    if not drafts:
        raise next(iter(failures.values()))
    told = tuple(f"{name} not backed up: {error.message}" for name, error in failures.items())
    return (_warned(drafts[0], told), *drafts[1:])


def _back_up(system: System, kind: Kind, component: Component, keep_as: str, *, run: str, cloud: bool) -> Draft:
    """One backup; ``keep_as`` is its class of retention."""
    row = BY_KIND[kind]
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
        component=_noted(contents, notes),
        retention_class=keep_as,
    )
    logger.info("backed up %s: %d objects, %d bytes stored", label, len(sink.records), manifest.stored_bytes)
    plain = sum(item.plain_bytes or 0 for item in sink.records)
    return Draft(manifest, destination.failures, (Phase(str(kind), begin, time.monotonic(), bytes=plain),))


def _warned(draft: Draft, warnings: tuple[str, ...]) -> Draft:
    contents = draft.manifest.component
    if not warnings or contents is None:
        return draft
    warned = dataclasses.replace(contents, warnings=(*contents.warnings, *warnings))
    return dataclasses.replace(draft, manifest=dataclasses.replace(draft.manifest, component=warned))


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
