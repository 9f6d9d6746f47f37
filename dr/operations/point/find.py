"""Find recovery points, say how well each fits together, and whether all that it needs is still there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import msgspec

from dr.catalog.labels import Kind, Label
from dr.catalog.lsn import decode_lsn
from dr.catalog.manifest import Manifest
from dr.catalog.manifest import from_json as manifest_from_json
from dr.catalog.points import PointContents, PointRecord
from dr.configuration.model import System
from dr.crypto.gnupg import opened
from dr.errors import BackupInvalid, BackupNotFound
from dr.operations.component.source import StoreSource
from dr.operations.find_backup import find_backup, source_stores
from dr.operations.objects_back import from_first_whole_copy
from dr.operations.point.compose import OBJECT
from dr.operations.repositories import open_repository
from dr.policy.point_consistency import Consistency, judge_point
from dr.storage.protocol import Store

_decoder = msgspec.json.Decoder(PointRecord, dec_hook=decode_lsn)


@dataclass(frozen=True, slots=True)
class FoundPoint:
    """A point with its judgement. ``gone`` are members that no store has any more, or whose every copy failed."""

    manifest: Manifest
    contents: PointContents
    consistency: Consistency
    gone: tuple[str, ...]

    @property
    def usable(self) -> bool:
        return not self.gone


def points(system: System, before: datetime | None = None) -> Iterator[FoundPoint]:
    """From the newest back; ``before`` leaves out those taken later. Raises the first StoreError when none answers."""
    repository = open_repository(system)
    names = repository.names()
    there = {str(label) for label in names.all(tuple(Kind))}
    names.raise_if_none_answered()
    for backup in repository.newest_first([Kind.POINT], before):
        manifest = backup.manifest
        if manifest.point is None:
            continue
        limit = system.components.point.apart_minutes * 60
        gone = tuple(label for label in manifest.point.labels if label not in there)
        yield FoundPoint(manifest, manifest.point, judge_point(manifest.point, limit), gone)


def find_point(system: System, wanted: str = "", before: datetime | None = None) -> FoundPoint:
    """The point called ``wanted``, or the newest of which everything is still there.

    Raises ``BackupNotFound``, with what is missing from those that were passed over.
    """
    label = str(Label.from_path(wanted)) if wanted else ""
    passed_over = []
    for point in points(system, before):
        if label and point.manifest.label == label:
            return point
        if not label and point.usable:
            return point
        passed_over.append(f"{point.manifest.label} lacks {', '.join(point.gone)}" if point.gone else "")
    raise BackupNotFound(
        f"{system.name} has no recovery point {label}".rstrip(),
        detail="; ".join(filter(None, passed_over)) if not label else "",
        hint="dr points lists them; flow application-backup makes one every day.",
    )


def read_record(system: System, label: str) -> tuple[PointRecord, tuple[Manifest, ...]]:
    """The encrypted object of a point, from the first store whose copy is whole, and the manifests in it."""
    found = find_backup(system, label, Kind.POINT)

    def attempt(store: Store) -> bytes:
        source = StoreSource(store, found.manifest, cipher)
        return source.read(source.named(OBJECT))

    with opened(system.encryption) as cipher:
        data, _ = from_first_whole_copy(source_stores(system, found), attempt, lambda: None)
    try:
        record = _decoder.decode(data)
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError) as error:
        raise BackupInvalid(f"{label} is not the record of a recovery point", str(error)) from error
    return record, tuple(manifest_from_json(item.encode(), f"{label}: a manifest") for item in record.manifests)
