"""An index as lines: from a store while it streams, or from the copy that lies beside restored files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dr.catalog.file_index import FileEntry, Header, entry_of, header_of
from dr.catalog.manifest import ObjectRecord
from dr.components.protocol import Source
from dr.errors import BackupInvalid

KEPT_AS = ".dr-index.jsonl"
"""The name of the index beside restored files: by it they can be compared without any store."""

_LONGEST = 64 << 20


def split(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines without their ends. A last one without an end is given too, for the parser to refuse."""
    held = b""
    for chunk in chunks:
        *whole, held = (held + chunk).split(b"\n")
        yield from whole
        if len(held) > _LONGEST:
            break
    if held:
        yield held


@contextmanager
def lines_of(source: Source, item: ObjectRecord) -> Iterator[Iterator[bytes]]:
    """The lines of a stored index. Rely on them only after the context ended."""
    unusable: BackupInvalid | None = None
    with source.chunks(item) as chunks:
        try:
            yield split(chunks)
        except BackupInvalid as error:
            # Why it is of no use, its own end tells better: the wrong key, or another hash.
            unusable = error
    if unusable is not None:
        raise unusable


def read_kept(directory: Path) -> tuple[Header, Iterator[FileEntry]]:
    """The index beside restored files. Raises ``BackupInvalid`` and OSError."""
    path = directory / KEPT_AS
    with path.open("rb") as stream:
        header = header_of(stream.readline().rstrip(b"\n"), str(path))
    return header, _entries(path)


def _entries(path: Path) -> Iterator[FileEntry]:
    with path.open("rb") as stream:
        stream.readline()
        for line in stream:
            yield entry_of(line.rstrip(b"\n"), str(path))
