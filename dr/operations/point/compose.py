"""Tie the backups together that belong to one state of the system, and store that as a backup of its own."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Collection, Iterable
from contextlib import ExitStack
from datetime import UTC, datetime

import msgspec

from dr.catalog.labels import COMPONENT_KINDS, Kind, Label
from dr.catalog.lsn import encode_lsn
from dr.catalog.manifest import Manifest, to_json
from dr.catalog.points import Member, PointContents, PointRecord
from dr.components import registry
from dr.configuration.model import System
from dr.crypto.gnupg import opened
from dr.errors import BackupNotFound
from dr.evidence.phases import Phase
from dr.operations.component.back_up import cluster_of
from dr.operations.component.sink import ObjectSink
from dr.operations.draft import Draft
from dr.operations.objects import Destination, free_label
from dr.operations.point.database import database_position
from dr.operations.point.mark import Marked
from dr.operations.point.references import measure_references
from dr.operations.repositories import open_repository
from dr.policy.point_consistency import apart_seconds
from dr.policy.retention_periods import STANDARD
from dr.storage.repository import Backup, Repository

logger = logging.getLogger(__name__)

OBJECT = "point.json"
MOST_NAMED = 100_000
"""Missing paths that are kept by name; a setting that is wrong makes all of millions missing."""


def compose_point(
    system: System,
    marked: Marked,
    fresh: Iterable[str],
    *,
    run: str,
    cloud: bool,
    asked: Collection[Kind] = COMPONENT_KINDS,
) -> Draft:
    """The point of ``marked``, of the backups that this run has made (``fresh``, labels) and the newest of the rest.

    That a kind which nobody ``asked`` for is represented by an earlier backup is as it should be.
    Raises ``BackupNotFound`` when there is nothing to tie together.
    """
    begun, begin = datetime.now(UTC), time.monotonic()
    repository = open_repository(system, cloud=cloud)
    everything = open_repository(system)
    found, notes = _members(system, everything, frozenset(fresh), asked)
    database = database_position(system, marked)
    if not found and database is None:
        raise BackupNotFound(
            f"{system.name} has no backup that a recovery point could name", hint="Make one: dr backup."
        )
    members = tuple(_member(item, frozenset(fresh)) for item in found)
    at = database.at if database else marked.at
    files = next((item for item in found if item.manifest.kind is Kind.FILES), None)
    references, missing = measure_references(system, marked, files)
    contents = PointContents(
        database=database,
        members=members,
        apart_seconds=round(apart_seconds(at, members), 3),
        references=references,
        notes=notes,
    )
    manifests = [item.manifest for item in found]
    manifests += [
        everything.find(Label.parse(label)).manifest
        for label in ((database.base, database.dump) if database else ())
        if label
    ]
    record = PointRecord(
        system=system.name,
        contents=contents,
        manifests=tuple(to_json(item).decode() for item in manifests),
        missing=missing[:MOST_NAMED],
        salt=secrets.token_hex(16),
    )
    label = free_label(repository, Kind.POINT, begun)
    with ExitStack() as stack:
        cipher = stack.enter_context(opened(system.encryption))
        destination = stack.enter_context(Destination(repository, label))
        sink = ObjectSink(destination, cipher)
        with sink.object(OBJECT) as intake:
            intake.write(msgspec.json.encode(record, enc_hook=encode_lsn))
        destination.keep()
    manifest = Manifest(
        label=str(label),
        kind=Kind.POINT,
        system=system.name,
        system_identifier=cluster_of(repository),
        server_version=0,
        begin=begun,
        end=datetime.now(UTC),
        objects=sink.records,
        stores=destination.stores,
        encryption=cipher.record,
        run=run,
        point=contents,
    )
    logger.info("tied %d backups together as %s", len(contents.labels), label)
    return Draft(manifest, destination.failures, (Phase("point", begin, time.monotonic()),))


def _members(
    system: System, repository: Repository, fresh: frozenset[str], asked: Collection[Kind]
) -> tuple[list[Backup], tuple[str, ...]]:
    """The newest proven backup of each kind that the system has, and what is missing or older than this run."""
    found, notes = [], []
    for row in registry.configured(system):
        for keep_as in row.classes(system):
            newest = _newest(repository, row.kind, keep_as)
            what = row.title if keep_as == STANDARD else keep_as
            if newest is None:
                notes.append(f"{what}: there is no proven backup")
                continue
            if row.part is registry.Part.APPLICATION and row.kind in asked and newest.manifest.label not in fresh:
                notes.append(f"{what}: {newest.manifest.label} is from an earlier run")
            found.append(newest)
    return found, tuple(notes)


def _newest(repository: Repository, kind: Kind, keep_as: str) -> Backup | None:
    backups = repository.newest_first([kind])
    fitting = (item for item in backups if item.manifest.retention_class == keep_as)
    return next((item for item in fitting if item.proven_level), None)


def _member(backup: Backup, fresh: frozenset[str]) -> Member:
    manifest = backup.manifest
    level = backup.proven_level
    return Member(
        kind=manifest.kind,
        label=manifest.label,
        taken=manifest.component.taken if manifest.component else manifest.begin,
        fresh=manifest.label in fresh,
        stores=backup.stores,
        level=level.name.lower().replace("_", "-") if level else "",
        until=manifest.end if manifest.kind is Kind.FILES else None,
    )
