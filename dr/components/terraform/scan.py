"""Looking at states and modules as they are read back: are they what was backed up, by their own account?"""

from __future__ import annotations

import tarfile

from dr.catalog.manifest import Item, Manifest, ObjectRecord, Role
from dr.components.protocol import Scanner
from dr.components.terraform.state import parse_state

MODULE = ".module.tar"


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


class ModuleScanner:
    """Feed it a module's tar in chunks of any size: it must hold as many files and bytes of them as were backed up.

    The blocks are looked at one by one, for a reader that passes over what it cannot read would find it whole.
    """

    def __init__(self, item: Item) -> None:
        self._item = item
        self._rest = b""
        self._skip = 0
        self._ended = False
        self._wrong = ""
        self._files = self._bytes = 0

    def feed(self, data: bytes | memoryview) -> None:
        """Take the next bytes."""
        self._rest += bytes(data)
        while not (self._wrong or self._ended):
            if self._skip:
                passed = min(self._skip, len(self._rest))
                self._skip, self._rest = self._skip - passed, self._rest[passed:]
            if self._skip or len(self._rest) < tarfile.BLOCKSIZE:
                return
            block, self._rest = self._rest[: tarfile.BLOCKSIZE], self._rest[tarfile.BLOCKSIZE :]
            self._header(block)
        self._rest = b""

    def _header(self, block: bytes) -> None:
        if not block.strip(b"\0"):
            self._ended = True
            return
        try:
            found = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            self._wrong = f"it is no tar that can be read: {error}"
            return
        if found.isreg():
            self._files, self._bytes = self._files + 1, self._bytes + found.size
        elif found.islnk():
            self._wrong = "it holds a hard link where a file was backed up"
        self._skip = -(-found.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE

    def finish(self) -> str:
        """What differs, in words; empty when nothing does."""
        if self._wrong or not self._ended:
            return self._wrong or "it is cut off"
        if (self._files, self._bytes) != (self._item.count, self._item.bytes):
            expected = f"{self._item.count} with {self._item.bytes} were backed up"
            return f"it holds {self._files} files with {self._bytes} bytes; {expected}"
        return ""


def scanner(manifest: Manifest, item: ObjectRecord) -> Scanner | None:
    """The scanner of a state or a module; None for the index."""
    contents = manifest.component
    if item.role is not Role.CONTENT or contents is None:
        return None
    name = item.key.rsplit("/", 1)[-1].removesuffix(".gpg").removesuffix(".zst")
    items = {found.name: found for found in contents.items}
    if (module := items.get(name.removesuffix(MODULE))) and name.endswith(MODULE):
        return ModuleScanner(module)
    state = items.get(contents.facts.get(f"object {name}", ""))
    return StateScanner(state) if state else None
