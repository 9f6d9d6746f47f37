"""The index of a backup in the making: written line by line as files are read, so that its size costs no memory."""

from __future__ import annotations

import hashlib

from dr.catalog.file_index import FileEntry, Header, to_line
from dr.components.protocol import Intake

_BATCH = 1 << 20
NAME = "index.jsonl"
SHA256 = "index_sha256"
LINES = "index_lines"


class IndexWriter:
    """Hashes and counts the lines; ``flush`` before the object is finished."""

    def __init__(self, intake: Intake, header: Header) -> None:
        self._intake = intake
        self._batch = bytearray(to_line(header))
        self._digest = hashlib.sha256()
        self._lines = 1

    def add(self, entry: FileEntry) -> None:
        """The next path."""
        self._batch += to_line(entry)
        self._lines += 1
        if len(self._batch) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Hand on what is held back."""
        self._digest.update(self._batch)
        if self._batch:
            self._intake.write(self._batch)
        self._batch = bytearray()

    @property
    def facts(self) -> dict[str, str]:
        """What the manifest says of the index: the digest is salted by its first line and tells nothing."""
        return {SHA256: self._digest.hexdigest(), LINES: str(self._lines)}
