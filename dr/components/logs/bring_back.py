"""Shipped logs laid out again, a folder per class and day, and compared file by file with what was shipped."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from dr.catalog.manifest import ComponentContents, Item, Manifest
from dr.components import tarball
from dr.components.logs.content import CHUNK
from dr.components.logs.day_tar import day_digest
from dr.components.logs.ship import INDEX, Listed
from dr.components.protocol import Laid, Source
from dr.errors import BackupInvalid, BackupNotFound
from dr.policy.drill_verdict import Answer, Probe
from dr.policy.log_days import OPEN, chain
from dr.policy.retention_periods import LOG_CLASSES

_SPAN = re.compile(r"(\d{4}-\d{2}-\d{2})?\.\.(\d{4}-\d{2}-\d{2})?")


def restore(source: Source, directory: Path, wanted: Sequence[str]) -> Laid:
    """Into ``directory/application/2024-01-05/...``; ``wanted`` are days, spans (2024-01-01..2024-01-07), classes."""
    manifest = source.manifest
    items = [item for item in _items(manifest) if _is_wanted(item, manifest.retention_class, wanted)]
    if wanted and not items:
        held = ", ".join(folder_of(item) for item in _items(manifest)) or "nothing"
        raise BackupNotFound(
            f"{manifest.label} holds nothing of {', '.join(wanted)}",
            detail=f"it holds {manifest.retention_class}: {held}",
            hint="dr show LABEL says which days a backup holds; name days as 2024-01-05 or 2024-01-01..2024-01-07.",
        )
    place = directory / _class_folder(manifest)
    place.mkdir(mode=0o700)
    source.save(source.named(INDEX), place / INDEX)
    count = size = 0
    for item in items:
        folder = folder_of(item)
        (place / folder).mkdir(mode=0o700)
        record = source.named(f"{folder}.tar")
        with source.chunks(record) as chunks:
            unpacked = tarball.unpack(chunks, place / folder, record.key)
        count += unpacked.files
        size += unpacked.bytes
    partial = [folder_of(item) for item in items if item.detail == OPEN]
    notes = tuple(f"{name} is a day that was not over: the next backup has all of it" for name in partial)
    return Laid(count, size, notes)


def folder_of(item: Item) -> str:
    return f"{item.name}.{OPEN}" if item.detail == OPEN else item.name


def question(manifest: Manifest, directory: Path) -> tuple[Probe, ...]:
    """Every day's files against the manifest, each file against the index, and the manifest against its own chain."""
    place = directory / _class_folder(manifest)
    listed = _listed(place / INDEX)
    probes = [_day(place, item, listed) for item in _items(manifest)]
    facts = (manifest.component or ComponentContents(manifest.begin)).facts
    whole = chain(facts.get("previous chain", ""), _items(manifest)) == facts.get("chain")
    detail = "the digests give the chain that was shipped" if whole else "the manifest was changed after it was shipped"
    probes.append(Probe("digest chain", Answer.PASSED if whole else Answer.FAILED, detail))
    return tuple(probes)


def _day(place: Path, item: Item, listed: Sequence[Listed]) -> Probe:
    folder = folder_of(item)
    root = place / folder
    found = {str(path.relative_to(root)): _sha256(path) for path in sorted(root.rglob("*")) if path.is_file()}
    expected = {entry.name: entry.sha256 for entry in listed if entry.folder == folder}
    wrong = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
    if wrong:
        shown = ", ".join(wrong[:3]) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")
        return Probe(f"logs of {folder}", Answer.FAILED, f"not as they were shipped: {shown}")
    if day_digest(found.items()) != item.digest:
        return Probe(f"logs of {folder}", Answer.FAILED, "files and index are not those that the manifest speaks of")
    return Probe(f"logs of {folder}", Answer.PASSED, f"{item.count} files, {item.bytes} bytes, as they were shipped")


def _listed(path: Path) -> list[Listed]:
    """What the index lists. Raises ``BackupInvalid``."""
    try:
        return msgspec.convert(json.loads(path.read_bytes()), list[Listed])
    except (OSError, ValueError) as error:
        raise BackupInvalid(f"{path} is no index of logs", str(error)) from error


def _items(manifest: Manifest) -> tuple[Item, ...]:
    return manifest.component.items if manifest.component else ()


def _class_folder(manifest: Manifest) -> str:
    name = manifest.retention_class
    return name.removesuffix("-logs") if name in LOG_CLASSES else "logs"


def _is_wanted(item: Item, keep_as: str, wanted: Sequence[str]) -> bool:
    return not wanted or any(_names(text, item, keep_as) for text in wanted)


def _names(text: str, item: Item, keep_as: str) -> bool:
    if text in (keep_as, keep_as.removesuffix("-logs"), item.name, folder_of(item)):
        return True
    span = _SPAN.fullmatch(text)
    return span is not None and (span[1] or "") <= item.name <= (span[2] or "9999")


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        digest = hashlib.sha256()
        while data := stream.read(CHUNK):
            digest.update(data)
    return digest.hexdigest()
