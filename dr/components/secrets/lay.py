"""Bringing a copy into an empty directory: every value in a file of its own, hashed as it is written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dr.catalog.manifest import ComponentContents, Role
from dr.components.protocol import Laid, Source
from dr.components.secrets.layout import INDEX, SNAPSHOT, about_name, placed, write_private
from dr.components.secrets.records import (
    Document,
    Entry,
    Fingerprint,
    Index,
    decode_document,
    decode_index,
    digest_of,
    encode,
    without_values,
)
from dr.components.secrets.scanners import MOST_BYTES
from dr.components.secrets.sources import some
from dr.errors import BackupInvalid, BackupNotFound

_SNAPSHOT_NOTE = (
    f"{SNAPSHOT} is a raft snapshot: it replaces everything in a Vault, and is opened by the unseal keys of the Vault "
    f"it was taken from. To load it: vault operator raft snapshot restore -force {SNAPSHOT}"
)


def lay(source: Source, directory: Path, wanted: Sequence[str]) -> Laid:
    """Write what ``wanted`` names, or everything. Raises ``BackupInvalid`` where a value has not the hash it had."""
    contents = source.manifest.component or ComponentContents(source.manifest.begin)
    index = _index(source)
    kept: list[Fingerprint] = []
    count = size = 0
    for item in contents.items:
        if item.name == SNAPSHOT:
            continue
        document = decode_document(source.read(source.named(f"{item.name}.json"), MOST_BYTES))
        chosen = tuple(entry for entry in document.entries if is_wanted(document.source, entry.path, wanted))
        if not chosen:
            continue
        count += len(chosen)
        of_source = {(one.path, one.name): one for one in index.values if one.source == document.source}
        for entry in chosen:
            for one in _write(directory, entry, of_source):
                kept.append(one)
                size += one.bytes
        about = without_values(Document(document.source, chosen, document.salt))
        write_private(placed(directory, about_name(document.source)), encode(about))
    notes: tuple[str, ...] = ()
    if any(item.name == SNAPSHOT for item in contents.items) and (not wanted or SNAPSHOT in wanted):
        source.save(source.named(SNAPSHOT), directory / SNAPSHOT)
        size += (directory / SNAPSHOT).stat().st_size
        count += 1
        notes = (_SNAPSHOT_NOTE,)
    if wanted and not count:
        raise BackupNotFound(
            f"{source.manifest.label} holds none of {some(len(wanted), 'path')} that were asked for",
            hint="Name a place or a secret in it: aws, aws/shop/db, vault/secret/shop. Restore all to see the names.",
        )
    # As it was stored, so that its own hash can be compared with the manifest's; of a part, what belongs to it.
    write_private(directory / INDEX, encode(index if not wanted else Index(tuple(kept), index.salt)))
    return Laid(count, size, notes)


def is_wanted(source: str, path: str, wanted: Sequence[str]) -> bool:
    """Whether a secret is named, by itself or by what it lies in; everything is when nothing is named.

    >>> is_wanted("aws", "shop/db", ["aws/shop"]), is_wanted("aws", "shopping", ["aws/shop"])
    (True, False)
    """
    name = whole_name(source, path)
    return not wanted or any(name == one.strip("/") or name.startswith(f"{one.strip('/')}/") for one in wanted)


def whole_name(source: str, path: str) -> str:
    """What a person calls a secret: ``aws/shop/db``."""
    return f"{source}/{path.lstrip('/')}"


def _write(directory: Path, entry: Entry, index: dict[tuple[str, str], Fingerprint]) -> list[Fingerprint]:
    written = []
    for value in entry.values:
        data = value.plain()
        known = index.get((entry.path, value.name))
        if known is None or known.sha256 != digest_of(data):
            raise BackupInvalid(
                "a value in the backup of secrets is not what its index says", hint="Use another store's copy."
            )
        write_private(placed(directory, known.file), data)
        written.append(known)
    return written


def _index(source: Source) -> Index:
    item = source.manifest.object_of(Role.INDEX)
    if item is None:
        raise BackupInvalid(f"{source.manifest.label} holds no index of its secrets", hint="Use another backup.")
    return decode_index(source.read(item, MOST_BYTES))
