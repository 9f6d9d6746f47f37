"""Which files there were at the time of a backup, without restoring any."""

from __future__ import annotations

import os
from collections.abc import Iterator

from dr.catalog.file_index import FileEntry, entry_of, header_of
from dr.components.files.index_lines import lines_of
from dr.components.files.index_writer import NAME
from dr.components.files.wanted import key_of
from dr.components.protocol import Source


def list_files(source: Source, prefix: str = "") -> Iterator[FileEntry]:
    """The entries whose path (root's name first) begins with ``prefix``, as the index streams.

    Exhaust it before relying on it: the index is proven at its end. Raises ``BackupInvalid``, KeyUnusable, StoreError.
    """
    origin = f"the index of {source.manifest.label}"
    beginning = os.fsencode(prefix.lstrip("/"))
    with lines_of(source, source.named(NAME)) as lines:
        header_of(next(lines, b""), origin)
        for line in lines:
            entry = entry_of(line, origin)
            if key_of(entry).startswith(beginning):
                yield entry
