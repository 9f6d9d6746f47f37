"""Environment configuration: files as one tar, variables as one file that ``sh`` reads, and a list of both.

``gpg -d config.tar.zst.gpg | zstd -d | tar -x`` brings the files back anywhere. What is in them is not masked: a masked
backup restores nothing (I21); only what is shown of two backups' difference is.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from dr.catalog.manifest import ComponentContents, Item, Level, Manifest, ObjectRecord, Role
from dr.components.config import environment
from dr.components.config.collect import Collector
from dr.components.config.inventory import FORMAT, Entry, Inventory, Type, from_json, to_json, variables_of
from dr.components.config.layout import ENVIRONMENT, FILES, INVENTORY, TAR
from dr.components.config.question import environment_probe, files_probe, unread_probe
from dr.components.config.walk import Roots, roots_of, walk
from dr.components.protocol import Laid, Scanner, Sink, Source
from dr.components.tar_scan import Counted, TarCount
from dr.components.tarball import TarWriter, unpack
from dr.configuration.model import System
from dr.errors import BackupInvalid, BackupNotFound, SourceInvalid
from dr.policy.drill_verdict import Answer, Probe

_KEY_BYTES = 32


class Component:
    """The configuration of one system on this host."""

    def __init__(self, system: System) -> None:
        self._settings = system.components.config

    @property
    def configured(self) -> bool:
        settings = self._settings
        return bool(settings.paths or settings.environment or settings.environment_files)

    @property
    def _environment_files(self) -> tuple[str, ...]:
        files = self._settings.environment_files
        return tuple(dict.fromkeys(name for path in files for name in (os.path.normpath(path), str(path.resolve()))))

    def check(self) -> tuple[str, ...]:
        roots_of((*self._settings.paths, *self._settings.environment_files))
        return ()

    def back_up(self, sink: Sink) -> ComponentContents:
        taken, key = datetime.now(UTC), secrets.token_bytes(_KEY_BYTES)
        roots = roots_of((*self._settings.paths, *self._settings.environment_files))
        variables = environment.chosen(self._settings.environment)
        absent = environment.missing(self._settings.environment, variables)
        warnings = tuple(f"the environment variable {name} is not set in this process" for name in absent)
        notes: tuple[str, ...] = ()
        entries: tuple[Entry, ...] = ()
        if roots.paths:
            with sink.object(TAR) as intake, TarWriter(intake) as tar:
                collector = Collector(tar, key, self._environment_files)
                collector.take(walk(roots.paths, roots.excluding(self._settings.exclude)))
            entries = tuple(collector.entries)
            warnings, notes = (*warnings, *collector.warnings()), (*_moved(roots), *collector.notes())
        _refuse_nothing(entries, variables)
        if variables:
            with sink.object(ENVIRONMENT) as intake:
                intake.write(environment.encode(variables))
        inventory = Inventory(
            FORMAT,
            taken,
            key.hex(),
            roots.paths,
            self._environment_files,
            entries,
            variables_of(key, variables),
            roots.moved,
        )
        data = to_json(inventory)
        with sink.object(INVENTORY, role=Role.INDEX) as intake:
            intake.write(data)
        return ComponentContents(taken, _items(inventory, data), warnings, notes, facts=_facts(inventory))

    def restore(self, source: Source, directory: Path, wanted: Sequence[str] = ()) -> Laid:
        data = source.read(source.named(INVENTORY))
        inventory = from_json(data, INVENTORY)
        members = _members(inventory, wanted)
        count = size = 0
        notes = []
        if members and inventory.roots:
            (directory / FILES).mkdir(mode=0o700)
            with source.chunks(source.named(TAR)) as chunks:
                unpacked = unpack(chunks, directory / FILES, TAR, members.__contains__)
            count, size = unpacked.files + unpacked.links, unpacked.bytes
            notes.append(f"compare and copy by hand: diff -r /PATH {directory / FILES}/PATH, then cp -a")
            if not unpacked.owned:
                notes.append("owners are not set, for only root can; inventory.json has them")
        if inventory.variables and (not wanted or ENVIRONMENT in wanted):
            source.save(source.named(ENVIRONMENT), directory / ENVIRONMENT)
            count, size = count + len(inventory.variables), size + (directory / ENVIRONMENT).stat().st_size
            notes.append(f"load the variables: set -a; . {directory / ENVIRONMENT}; set +a")
        if not wanted:
            source.save(source.named(INVENTORY), directory / INVENTORY)
        return Laid(count, size, tuple(notes))

    def question(self, manifest: Manifest, directory: Path, scratch: Path) -> tuple[Probe, ...]:
        try:
            data = (directory / INVENTORY).read_bytes()
            inventory = from_json(data, INVENTORY)
        except (OSError, BackupInvalid) as error:
            return (Probe("inventory", Answer.FAILED, f"cannot be read: {error}", Level.QUERIED),)
        same = hashlib.sha256(data).hexdigest() == _item(manifest, INVENTORY).digest
        told = "the one that was backed up" if same else "not the one that was backed up"
        probes = [Probe("inventory", Answer.PASSED if same else Answer.FAILED, told, Level.QUERIED)]
        if inventory.roots:
            probes.append(files_probe(inventory, directory))
        if inventory.variables:
            probes.append(environment_probe(inventory, directory))
        unread = unread_probe(inventory)
        return (*probes, unread) if unread else tuple(probes)


def _moved(roots: Roots) -> tuple[str, ...]:
    """Whoever puts the files back has to make the link anew where nothing else that is configured holds it."""
    return tuple(
        f"{_text(path)} goes through a link: it is in the backup as {_text(place)}"
        for path, place in roots.moved.items()
    )


def _refuse_nothing(entries: Sequence[Entry], variables: object) -> None:
    if variables or any(entry.type in (Type.FILE, Type.LINK) for entry in entries):
        return
    unread = [f"{entry.path}: {entry.reason}" for entry in entries if entry.unread]
    raise SourceInvalid(
        "there is no configuration to back up: no file that can be read, and no variable that is set",
        detail="; ".join(unread[:5]),
        hint="Correct config.paths and config.environment, or mount what is missing.",
    )


def _items(inventory: Inventory, data: bytes) -> tuple[Item, ...]:
    """One per configured path. The inventory's plain hash tells nothing, for a random key is in it."""
    files = inventory.of(Type.FILE)
    items = []
    for root in inventory.roots:
        below = [entry for entry in files if entry.path == root or entry.path.startswith(root.rstrip("/") + "/")]
        items.append(Item(_text(root), count=len(below), bytes=sum(entry.size for entry in below)))
    if inventory.variables:
        items.append(Item(ENVIRONMENT, count=len(inventory.variables)))
    digest = hashlib.sha256(data).hexdigest()
    return (*items, Item(INVENTORY, count=len(inventory.entries), bytes=len(data), digest=digest))


def _facts(inventory: Inventory) -> dict[str, str]:
    """What the tar must hold, by which it is proven when it is read back."""
    files = inventory.of(Type.FILE)
    members = inventory.of(Type.FILE, Type.LINK, Type.DIRECTORY)
    return {"members": str(len(members)), "files": str(len(files)), "bytes": str(sum(entry.size for entry in files))}


def _members(inventory: Inventory, wanted: Sequence[str]) -> frozenset[str]:
    """Names in the tar of what is wanted: a path and what is below it."""
    names = frozenset(entry.member for entry in inventory.entries)
    if not wanted:
        return names
    asked = [_place(inventory, f"/{item.strip('/')}") for item in wanted if item != ENVIRONMENT]
    found = {item: {name for name in names if name == item or name.startswith(f"{item}/")} for item in asked}
    lacking = [item for item, there in found.items() if not there]
    if ENVIRONMENT in wanted and not inventory.variables:
        lacking.append(ENVIRONMENT)
    if lacking:
        raise BackupNotFound(
            f"the backup holds no {', '.join(lacking)}",
            detail=f"it holds {', '.join(inventory.roots)}",
            hint=f"Give paths as they were on the host, or {ENVIRONMENT}.",
        )
    return frozenset(name for there in found.values() for name in there)


def _place(inventory: Inventory, path: str) -> str:
    """Its name in the tar."""
    for configured, place in inventory.moved.items():
        if path == configured or path.startswith(f"{configured}/"):
            return (place + path.removeprefix(configured)).strip("/")
    return path.strip("/")


def _item(manifest: Manifest, name: str) -> Item:
    items = manifest.component.items if manifest.component else ()
    return next((item for item in items if item.name == name), Item(name))


def _text(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode()


class _SameBytes:
    """Whether an object has the digest that the manifest names."""

    def __init__(self, expected: str) -> None:
        self._digest, self._expected = hashlib.sha256(), expected

    def feed(self, data: bytes) -> None:
        self._digest.update(data)

    def finish(self) -> str:
        return "" if self._digest.hexdigest() == self._expected else "the inventory is another one"


def scanner(manifest: Manifest, item: ObjectRecord) -> Scanner | None:
    """The tar by what it counts, the inventory by its digest."""
    facts = manifest.component.facts if manifest.component else {}
    if item.role is Role.INDEX:
        return _SameBytes(_item(manifest, INVENTORY).digest)
    if f"/{TAR}." in item.key and "members" in facts:
        return TarCount(Counted(int(facts["members"]), int(facts["files"]), int(facts["bytes"])))
    return None
