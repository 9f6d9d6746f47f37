"""Looking at what was stored as it is read back: is each document whole, and does it hold the values it held?"""

from __future__ import annotations

from collections.abc import Callable

from dr.catalog.manifest import Item, Manifest, ObjectRecord
from dr.components.protocol import Scanner
from dr.components.secrets.layout import INDEX, SNAPSHOT
from dr.components.secrets.records import decode_document, decode_index, salted_digest
from dr.components.secrets.vault_snapshot import SnapshotScanner
from dr.errors import BackupInvalid

MOST_BYTES = 1 << 30
"""Of one document: secrets are small, and what is larger than this is none of ours."""


class _Whole:
    """Keeps a small object and hands it to ``look`` at its end."""

    def __init__(self, look: Callable[[bytes], str]) -> None:
        self._look = look
        self._data = bytearray()

    def feed(self, data: bytes) -> None:
        if len(self._data) <= MOST_BYTES:
            self._data += data

    def finish(self) -> str:
        if len(self._data) > MOST_BYTES:
            return f"it has more than {MOST_BYTES} bytes"
        try:
            return self._look(bytes(self._data))
        except BackupInvalid as error:
            return f"{error.message}: {error.detail}"


def scanner(manifest: Manifest, item: ObjectRecord) -> Scanner | None:
    """What looks at one object of a backup of secrets."""
    name = item.key.rsplit("/", 1)[-1]
    items = {one.name: one for one in (manifest.component.items if manifest.component else ())}
    if name.startswith(f"{SNAPSHOT}."):
        return SnapshotScanner()
    if name.startswith(f"{INDEX}."):
        return _Whole(lambda data: _index(data, sum(_values(one) for one in items.values())))
    found = items.get(name.partition(".json")[0])
    return None if found is None else _Whole(lambda data: _document(data, found))


def _document(data: bytes, item: Item) -> str:
    document = decode_document(data)
    if len(document.entries) != item.count:
        return f"{len(document.entries)} secrets, and {item.count} were backed up"
    return "" if salted_digest(document) == item.digest else "its values are not those that were backed up"


def _index(data: bytes, expected: int) -> str:
    found = len(decode_index(data).values)
    return "" if found == expected else f"{found} hashes, and there were {expected} values"


def _values(item: Item) -> int:
    """How many values an item's detail says: ``7 values``."""
    number, _, unit = item.detail.partition(" ")
    return int(number) if unit in ("value", "values") and number.isdecimal() else 0
