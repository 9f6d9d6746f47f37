"""What a log file contains, whatever it is called and however it is compressed: rotation changes both.

What was read before is remembered on this host by inode, size and times; losing that costs reading again.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import hashlib
import io
import lzma
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import msgspec
import zstandard

from dr.components.logs.scan import LogFile, mark_of

CHUNK = 1 << 20
_BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError)


class Moved(Exception):
    """The path is another file now, or the file changed or shrank: rotation came in between. Look again."""


class NotReadable(Exception):
    """In words, and which file: it stays out."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self._reason = reason

    def __str__(self) -> str:
        return f"{self.path} cannot be read: {self._reason}"


class Damaged(Exception):
    """It is compressed and cannot be unpacked to its end."""


@contextmanager
def opened(file: LogFile, *, growing: bool = False) -> Iterator[IO[bytes]]:
    """The file that was seen, to be read. ``growing``: more may have been written to it since.

    Raises ``Moved`` at the beginning or at the end when it is not that file, or was changed; ``NotReadable``.
    """
    try:
        descriptor = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise Moved from None
    except OSError as error:
        raise NotReadable(file.path, error.strerror or str(error)) from None
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        _require_same(file, os.fstat(descriptor), growing=growing)
        yield cast("IO[bytes]", stream)
        _require_same(file, os.fstat(descriptor), growing=growing)


def _require_same(file: LogFile, seen: os.stat_result, *, growing: bool) -> None:
    now, was = mark_of(seen), file.mark
    # A rename changes the change time and nothing that was read.
    same = now[:2] == was[:2] and now[2] >= was[2] if growing else now[:4] == was[:4]
    if not same:
        raise Moved


def content_sha256(stream: IO[bytes], name: str) -> str:
    """The digest of what is inside. Raises ``Damaged``."""
    digest = hashlib.sha256()
    try:
        with _unpacked(stream, name) as plain:
            while data := plain.read(CHUNK):
                digest.update(data)
    except _BROKEN as error:
        raise Damaged(str(error)) from None
    return digest.hexdigest()


def _unpacked(stream: IO[bytes], name: str) -> contextlib.AbstractContextManager[IO[bytes]]:
    if name.endswith(".gz"):
        return cast("contextlib.AbstractContextManager[IO[bytes]]", gzip.GzipFile(fileobj=stream, mode="rb"))
    if name.endswith(".bz2"):
        return cast("contextlib.AbstractContextManager[IO[bytes]]", bz2.BZ2File(stream))
    if name.endswith(".xz"):
        return cast("contextlib.AbstractContextManager[IO[bytes]]", lzma.LZMAFile(stream))
    if name.endswith(".zst"):
        reader = zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True, closefd=False)
        return cast("contextlib.AbstractContextManager[IO[bytes]]", io.BufferedReader(cast("io.RawIOBase", reader)))
    return contextlib.nullcontext(stream)


class Digests:
    """The digests of contents, read or remembered. Save them after a backup."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, str] = {}
        self._seen: dict[str, str] = {}
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            self._known = msgspec.json.decode(path.read_bytes(), type=dict[str, str])

    def of(self, file: LogFile) -> tuple[str, bool]:
        """The digest, and whether the file is whole; a damaged one counts as the bytes it has.

        Raises ``Moved``, ``NotReadable``.
        """
        key = ":".join(map(str, file.mark))
        if key not in self._seen and key in self._known:
            self._seen[key] = self._known[key]
        if key in self._seen:
            return self._seen[key], True
        with opened(file) as stream:
            try:
                digest = content_sha256(stream, file.path.name)
            except Damaged:
                stream.seek(0)
                return content_sha256(stream, ""), False
        self._seen[key] = digest
        return digest, True

    def save(self) -> None:
        """Only of files that are still there."""
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = self._path.with_suffix(".new")
            fresh.write_bytes(msgspec.json.encode(self._seen))
            fresh.replace(self._path)
