"""Proof of level ``listed``: each content of a pack is what its name says, the index is the one that was written."""

from __future__ import annotations

import hashlib

from dr.catalog.file_index import entry_of, header_of, pack_of
from dr.catalog.manifest import Manifest, ObjectRecord, Role
from dr.components.files.index_writer import LINES, SHA256
from dr.components.files.tar_members import DamagedTar, MemberReader
from dr.components.protocol import Scanner
from dr.errors import BackupInvalid


def scanner(manifest: Manifest, item: ObjectRecord) -> Scanner | None:
    """What looks at this object."""
    return PackScanner() if item.role is Role.PACK else IndexScanner(manifest)


class PackScanner:
    """Walks the tar and hashes every member."""

    def __init__(self) -> None:
        self._reader = MemberReader()
        self._wrong = ""

    def feed(self, data: bytes) -> None:
        if self._wrong:
            return
        try:
            self._reader.feed(data)
        except DamagedTar as error:
            self._wrong = str(error)

    def finish(self) -> str:
        if not self._wrong:
            try:
                self._reader.finish()
            except DamagedTar as error:
                self._wrong = str(error)
        return self._wrong


class IndexScanner:
    """Counts and hashes the lines, parses each, and sees that the manifest lists every pack that they need."""

    def __init__(self, manifest: Manifest) -> None:
        self._facts = manifest.component.facts if manifest.component is not None else {}
        self._packs = {pack_of(item.key) for item in manifest.objects if item.role is Role.PACK}
        self._digest = hashlib.sha256()
        self._lines = 0
        self._held = b""
        self._wrong = ""

    def feed(self, data: bytes) -> None:
        self._digest.update(data)
        *whole, self._held = (self._held + data).split(b"\n")
        for line in whole:
            self._lines += 1
            if not self._wrong:
                self._wrong = self._look(line)

    def _look(self, line: bytes) -> str:
        try:
            if self._lines == 1:
                header_of(line, "the index")
                return ""
            entry = entry_of(line, f"line {self._lines} of the index")
        except BackupInvalid as error:
            return error.message
        lacking = {piece.pack for piece in entry.pieces} - self._packs
        return f"it needs {min(lacking)}, which the manifest does not list" if lacking else ""

    def finish(self) -> str:
        if self._wrong:
            return self._wrong
        if self._held:
            return "the index is cut off"
        if str(self._lines) != self._facts.get(LINES) or self._digest.hexdigest() != self._facts.get(SHA256):
            return f"the index has {self._lines} lines and is not the one that was written"
        return ""
