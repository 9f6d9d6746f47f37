"""A system whose stores are directories, and backups put into them without a server."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from dr.catalog import labels
from dr.catalog.labels import Kind, Label
from dr.catalog.manifest import Compression, Manifest, ObjectRecord, Role, to_json
from dr.configuration.model import EncryptionSettings, PostgresSettings, RetentionSettings, StoreSettings, System
from dr.operations.repositories import open_repository
from dr.secret import Secret
from dr.storage.repository import Repository
from tests.unit.catalog.examples import DIGEST, manifest, proof

NAME = "coreflow360"
LOOKS_ENCRYPTED = bytes([0x85, 0x00, 0x0C, 3]) + bytes.fromhex("0123456789ABCDEF") + bytes([18, 0, 0, 0xD2, 0x01, 0x00])
"""The head of an OpenPGP message for one key: enough where nothing is decrypted."""


def system(path: Path, *stores: str, encryption: EncryptionSettings | None = None, **retention: int) -> System:
    """``stores`` are directories; the state directory lies beside them."""
    return System(
        name=NAME,
        postgres=PostgresSettings(Secret("")),
        stores=tuple(StoreSettings(name, "local", path=path / name) for name in stores or ("local",)),
        encryption=encryption or EncryptionSettings(),
        retention=RetentionSettings(**retention),
        state_directory=path / "state",
    )


def repository(of: System) -> Repository:
    """All stores of the system."""
    return open_repository(of)


def keys(label: Label) -> dict[str, Role]:
    """The objects of a backup of this kind."""
    if label.kind is Kind.DUMP:
        return {labels.dump_key(NAME, label): Role.DUMP, labels.globals_key(NAME, label): Role.GLOBALS}
    if label.kind is not Kind.BASE:
        return {labels.component_key(NAME, label, "content.zst"): Role.CONTENT}
    return {
        labels.archive_key(NAME, label, "base.tar.zst"): Role.ARCHIVE,
        labels.postgres_manifest_key(NAME, label): Role.POSTGRES_MANIFEST,
    }


def put_objects(of: System, label: Label, *stores: str) -> None:
    """What a run that was killed leaves: objects, no manifest."""
    for name in stores or tuple(store.name for store in of.stores):
        for key in keys(label):
            repository(of).store(name).put_bytes(key, LOOKS_ENCRYPTED)


def put_backup(of: System, label: Label, *stores: str, proven: tuple[str, ...] | None = None, **other: Any) -> Manifest:
    """A whole backup in these stores; ``proven`` names those whose copy was read back (all unless given)."""
    names = stores or tuple(store.name for store in of.stores)
    put_objects(of, label, *names)
    objects = tuple(
        ObjectRecord(key, role, Compression.GZIP, 10, 10, DIGEST, len(LOOKS_ENCRYPTED), DIGEST)
        for key, role in keys(label).items()
    )
    made = manifest(
        label,
        objects=objects,
        stores=names,
        verifications=tuple(map(proof, names if proven is None else proven)),
        **other,
    )
    for name in names:
        repository(of).store(name).put_bytes(labels.manifest_key(NAME, label), to_json(made))
    return made


def dump(when: datetime) -> Label:
    """The label of a logical backup."""
    return Label(when, Kind.DUMP)


def base(when: datetime) -> Label:
    """The label of a physical backup."""
    return Label(when, Kind.BASE)


def block(path: Path) -> None:
    """Make a directory unusable, for root as well: a link that leads to itself stands in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(path.name)
