"""Find what to restore: the latest, a label, or a file somebody has at hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dr.catalog import labels
from dr.catalog.labels import DATABASE_KINDS, Kind, Label
from dr.catalog.manifest import Compression, EncryptionRecord, Manifest, ObjectRecord, Role, from_json
from dr.configuration.model import System
from dr.crypto.packets import ENOUGH, parse_envelope
from dr.errors import BackupInvalid, BackupNotFound
from dr.operations.repositories import open_repository
from dr.storage.local import LocalStore
from dr.storage.manifests import Backup
from dr.storage.protocol import Store

LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Found:
    """A backup to restore from and the stores to try, nearest first.

    ``directory`` is set for files outside the repository: the manifest's keys are then file names in it. Such a backup
    may have no manifest of its own; its hashes are empty then, and nothing can be compared.
    """

    manifest: Manifest
    stores: tuple[str, ...]
    directory: str | None = None
    notes: tuple[str, ...] = ()


def find_backup(system: System, wanted: str, kind: Kind | None) -> Found:
    """Look up ``latest`` (of ``kind``, else of the database), a label, or a path.

    Raises ``BackupNotFound`` or ``BackupInvalid``.
    """
    if wanted in ("", LATEST):
        return _latest(system, kind)
    path = _existing_file(wanted)
    if path is not None:
        return _loose(path)
    try:
        label = Label.from_path(wanted)
    except ValueError:
        raise BackupNotFound(
            f"{wanted!r} is neither a label nor an existing file",
            hint="dr list shows the labels; a label looks like backup_20240101_020000 or base_20240101_020000_full.",
        ) from None
    repository = open_repository(system)
    found = repository.find(label)
    return Found(found.manifest, _nearest_first(found.stores, repository.stores.values()))


def _existing_file(text: str) -> Path | None:
    try:
        path = Path(text).expanduser()
        return path if path.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None  # too long to be a file's name, or in the home of nobody


def _latest(system: System, kind: Kind | None) -> Found:
    """The newest proven one, else the newest; manifests are read from the newest back, until one is proven."""
    repository = open_repository(system)
    names = repository.names()
    unreadable: list[str] = []
    best: Backup | None = None
    passed_over: list[Label] = []
    # By all names and not month by month: the clock of the host that recovers may be wrong.
    for label, holders in sorted(names.all([kind] if kind else DATABASE_KINDS).items(), reverse=True):
        found = names.read(label, holders, unreadable)
        if found is None:
            continue
        if found.proven_level is not None:
            best = found
            break
        best = best or found
        passed_over.append(label)
    notes = [f"store {name} could not be asked: {error.message}" for name, error in names.failures.items()]
    notes += unreadable
    if best is None:
        names.raise_if_none_answered()
        raise BackupNotFound(
            f"no store of {system.name} has a {kind or 'usable'} backup",
            detail="; ".join(notes),
            hint="Check the system's name and its stores (dr config show), or give the path of a backup file.",
        )
    notes += [f"{label} is newer, but not proven, and was passed over" for label in passed_over if label > best.label]
    return Found(best.manifest, _nearest_first(best.stores, repository.stores.values()), notes=tuple(notes))


def _nearest_first(names: tuple[str, ...], stores: Iterable[Store]) -> tuple[str, ...]:
    """Copies on this machine before those across a network, otherwise in the order of the configuration."""
    return tuple(item.name for item in sorted(stores, key=lambda item: not item.is_local) if item.name in names)


def _loose(path: Path) -> Found:
    """A file given by path, with its manifest if that lies beside it."""
    try:
        label = Label.from_path(str(path.absolute()))
    except ValueError:
        raise BackupInvalid(
            f"{path} is not named like a backup",
            hint="Backups are named backup_YYYYmmdd_HHMMSS.sql.gz.gpg, or lie in base_YYYYmmdd_HHMMSS_full/.",
        ) from None
    directory = path.absolute().parent
    manifest_file = directory / labels.manifest_key("x", label).rsplit("/", 1)[-1]
    if path.name == manifest_file.name:
        path = _first_object(path, directory)
    with path.open("rb") as stream:
        parse_envelope(stream.read(ENOUGH), str(path))
    if manifest_file.is_file():
        manifest = from_json(manifest_file.read_bytes(), str(manifest_file))
        objects = tuple(dataclasses.replace(item, key=item.key.rsplit("/", 1)[-1]) for item in manifest.objects)
        return Found(dataclasses.replace(manifest, objects=objects), ("file",), str(directory))
    if label.kind is Kind.BASE:
        raise BackupInvalid(
            f"{path} has no manifest beside it",
            hint=f"Fetch {manifest_file.name} too, or restore by hand as RESTORE.md shows.",
        )
    note = f"{manifest_file.name} is not beside the file: hashes, tables and row counts cannot be compared"
    return Found(_without_manifest(path, label), ("file",), str(directory), (note,))


def _first_object(manifest_file: Path, directory: Path) -> Path:
    """The first object of the backup whose manifest somebody named."""
    manifest = from_json(manifest_file.read_bytes(), str(manifest_file))
    return directory / manifest.objects[0].key.rsplit("/", 1)[-1]


def _without_manifest(path: Path, label: Label) -> Manifest:
    """What can be known of a lone dump file."""
    stem = str(label)
    if path.name.startswith(f"{stem}.globals."):
        raise BackupInvalid(
            f"{path} holds roles and settings, but no data", hint=f"Name the dump itself: {stem}.sql.gz.gpg."
        )
    files = [(path.name, Role.DUMP)]
    globals_file = path.with_name(f"{stem}.globals.sql.gz.gpg")
    if globals_file.is_file():
        files.append((globals_file.name, Role.GLOBALS))
    return Manifest(
        label=stem,
        kind=Kind.DUMP,
        system="unknown",
        system_identifier="",
        server_version=0,
        begin=label.created,
        end=label.created,
        objects=tuple(
            ObjectRecord(name, role, Compression.GZIP, None, 0, "", (path.parent / name).stat().st_size, "")
            for name, role in files
        ),
        stores=("file",),
        encryption=EncryptionRecord("unknown"),
        run="",
    )


def source_stores(system: System, found: Found) -> tuple[Store, ...]:
    """The stores to read from, in order. Raises when none of them is configured."""
    if found.directory is not None:
        return (LocalStore("file", Path(found.directory)),)
    repository = open_repository(system)
    stores = tuple(repository.store(name) for name in found.stores if name in repository.stores)
    if not stores:
        raise BackupNotFound(
            f"none of the stores of {found.manifest.label} is configured here: {', '.join(found.stores)}"
        )
    return stores
