"""Looking at a state as it is read back: is it the one that was backed up, by its own account?"""

from __future__ import annotations

from dr.catalog.manifest import Item, Manifest, ObjectRecord, Role
from dr.components.terraform.state import parse_state


class StateScanner:
    """Feed it a state in chunks of any size."""

    def __init__(self, item: Item) -> None:
        self._item = item
        self._data = bytearray()

    def feed(self, data: bytes | memoryview) -> None:
        """Take the next bytes."""
        self._data += data

    def finish(self) -> str:
        """What differs, in words; empty when nothing does."""
        if len(self._data) != self._item.bytes:
            return f"{len(self._data)} bytes, not {self._item.bytes}"
        try:
            found = parse_state(bytes(self._data)).described()
        except ValueError as error:
            return str(error)
        return "" if found == self._item.detail else f"it says {found}; backed up was {self._item.detail}"


def scanner(manifest: Manifest, item: ObjectRecord) -> StateScanner | None:
    """The scanner of a state; None for modules and the index."""
    contents = manifest.component
    if item.role is not Role.CONTENT or contents is None:
        return None
    name = item.key.rsplit("/", 1)[-1].removesuffix(".gpg").removesuffix(".zst")
    wanted = contents.facts.get(f"object {name}")
    return next((StateScanner(found) for found in contents.items if found.name == wanted), None)
