"""Find recovery points, say how well each fits together, and whether all that it needs is still there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from dr.catalog.labels import Kind, Label
from dr.catalog.lsn import decode_lsn
from dr.catalog.manifest import Manifest
from dr.catalog.manifest import from_json as manifest_from_json
from dr.catalog.points import PointContents, PointRecord
from dr.configuration.model import System
from dr.crypto.gnupg import opened
from dr.errors import BackupInvalid, BackupNotFound, StoreError
from dr.operations.component.source import StoreSource
from dr.operations.find_backup import find_backup, source_stores
from dr.operations.objects_back import from_first_whole_copy
from dr.operations.point.compose import OBJECT
from dr.operations.point.database import keeps_wal
from dr.operations.repositories import open_repository
from dr.policy.point_consistency import Consistency, judge_point
from dr.storage.protocol import Store
from dr.storage.repository import Repository

_LARGEST = 4 << 30
_decoder = msgspec.json.Decoder(PointRecord, dec_hook=decode_lsn)


@dataclass(frozen=True, slots=True)
class FoundPoint:
    """A point with its judgement. ``gone`` are members that no store lists any more.

    ``damaged`` are those of which every copy failed when it was last read; only ``find_point`` looks for them.
    ``silent`` stores did not answer: what lies there alone counts as gone.
    """

    manifest: Manifest
    contents: PointContents
    consistency: Consistency
    gone: tuple[str, ...]
    damaged: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        return not self.gone and not self.damaged

    @property
    def lack(self) -> str:
        """What it lacks, in words; empty when it is usable."""
        told = [f"{', '.join(self.gone)} gone"] if self.gone else []
        if self.gone and self.silent:
            told.append(f"or in {', '.join(self.silent)}, which did not answer")
        if self.damaged:
            told.append(f"{', '.join(self.damaged)} damaged in every store")
        return "; ".join(told)


def points(system: System, before: datetime | None = None) -> Iterator[FoundPoint]:
    """From the newest back; ``before`` leaves out those taken later. Raises the first StoreError when none answers."""
    repository = open_repository(system)
    names = repository.names()
    there = {str(label) for label in names.all(tuple(Kind))}
    names.raise_if_none_answered()
    limit = system.components.point.apart_minutes * 60
    for backup in repository.newest_first([Kind.POINT], before):
        contents = backup.manifest.point
        if contents is None:
            continue
        yield FoundPoint(
            manifest=backup.manifest,
            contents=contents,
            consistency=judge_point(contents, limit, keeps_wal=keeps_wal(system)),
            gone=tuple(label for label in contents.labels if label not in there),
            silent=tuple(names.failures),
        )


def find_point(system: System, wanted: str = "", before: datetime | None = None) -> FoundPoint:
    """The point called ``wanted``, or the newest of which everything is still there and some copy of each is whole.

    Raises ``BackupNotFound``, with what is missing from those that were passed over.
    """
    label = _label_of(wanted)
    repository = open_repository(system)
    passed_over = []
    for found in points(system, before):
        if label and found.manifest.label != label:
            continue
        point = replace(found, damaged=_damaged(repository, found))
        if label or point.usable:
            return point
        passed_over.append(f"{point.manifest.label}: {point.lack}")
    raise BackupNotFound(
        f"{system.name} has no recovery point {label}".rstrip()
        if label
        else f"{system.name} has no usable recovery point",
        detail="; ".join(passed_over),
        hint="dr points lists them; dr application-backup makes one.",
    )


def _label_of(text: str) -> str:
    """The label that somebody means; empty for any. Raises ``BackupNotFound`` when it is none of a point."""
    if not text:
        return ""
    try:
        label = Label.from_path(text)
    except ValueError:
        label = None
    if label is None or label.kind is not Kind.POINT:
        raise BackupNotFound(f"{text!r} is no recovery point", hint="dr points lists them: point_20240101_020000.")
    return str(label)


def _damaged(repository: Repository, point: FoundPoint) -> tuple[str, ...]:
    """Members of which no copy is proven since it last failed. What cannot be asked is not called damaged."""
    found = []
    for label in point.contents.labels:
        if label in point.gone:
            continue
        try:
            backup = repository.find(Label.parse(label))
        except (BackupInvalid, BackupNotFound, StoreError):
            continue
        if backup.proven_level is None:
            found.append(label)
    return tuple(found)


def read_record(system: System, label: str) -> tuple[PointRecord, tuple[Manifest, ...]]:
    """The encrypted object of a point, from the first store whose copy is whole, and the manifests in it."""
    found = find_backup(system, label, Kind.POINT)

    def attempt(store: Store) -> bytes:
        source = StoreSource(store, found.manifest, cipher)
        return source.read(source.named(OBJECT), _LARGEST)

    with opened(system.encryption) as cipher:
        data, _ = from_first_whole_copy(source_stores(system, found), attempt, lambda: None)
    try:
        record = _decoder.decode(data)
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError) as error:
        raise BackupInvalid(f"{label} is not the record of a recovery point", str(error)) from error
    return record, tuple(manifest_from_json(item.encode(), f"{label}: a manifest") for item in record.manifests)
