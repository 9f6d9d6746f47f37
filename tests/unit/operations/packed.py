"""Backups of uploads that share their packs, put into a system's stores without reading any upload."""

from __future__ import annotations

from collections.abc import Iterable

from dr.catalog import labels
from dr.catalog.labels import Kind, Label
from dr.catalog.manifest import Compression, Manifest, ObjectRecord, Role, to_json
from dr.configuration.model import System
from tests.unit.catalog.examples import DIGEST, manifest, proof
from tests.unit.operations.places import LOOKS_ENCRYPTED, NAME, repository


def pack_key(number: int) -> str:
    """The key of one pack."""
    return labels.shared_key(NAME, Kind.FILES, f"files_20240101_020000-{number:05d}-ab12cd34.tar.zst")


def refers_to(label: Label, numbers: Iterable[int], *stores: str) -> Manifest:
    """The manifest of a backup that has an index of its own and needs these packs."""
    index = labels.component_key(NAME, label, "index.jsonl.zst")
    keys = {index: Role.INDEX, **{pack_key(number): Role.PACK for number in numbers}}
    objects = tuple(
        ObjectRecord(key, role, Compression.ZSTD, 10, 10, DIGEST, len(LOOKS_ENCRYPTED), DIGEST)
        for key, role in keys.items()
    )
    return manifest(label, objects=objects, stores=stores, verifications=tuple(map(proof, stores)))


def put_packs(of: System, numbers: Iterable[int]) -> None:
    """Packs in every store, whoever refers to them."""
    for store in repository(of).stores.values():
        for number in numbers:
            store.put_bytes(pack_key(number), LOOKS_ENCRYPTED)


def put_upload(of: System, label: Label, numbers: Iterable[int]) -> Manifest:
    """A backup in every store; its packs are put with ``put_packs``."""
    made = refers_to(label, numbers, *(store.name for store in of.stores))
    for store in repository(of).stores.values():
        store.put_bytes(made.objects[0].key, LOOKS_ENCRYPTED)
        store.put_bytes(labels.manifest_key(NAME, label), to_json(made))
    return made
