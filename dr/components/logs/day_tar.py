"""One day's files as one tar, and reading it back without unpacking it."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from dr.catalog.manifest import Item
from dr.components.logs.content import CHUNK, Moved, opened
from dr.components.logs.scan import LogFile
from dr.components.protocol import Intake
from dr.components.tar_scan import Places, padded, pax_records

_BLOCK = tarfile.BLOCKSIZE


@dataclass(frozen=True, slots=True)
class Packed:
    """One file in a tar: ``name`` is its path without the leading slash, the rest is of its bytes as they lie there."""

    name: str
    bytes: int
    sha256: str


def day_digest(files: Iterable[tuple[str, str]]) -> str:
    """One digest of names and their SHA-256: that of what ``sha256sum`` prints for them in the order of the names."""
    ordered = sorted(files, key=lambda item: os.fsencode(item[0]))
    lines = (f"{sha256}  {name}\n".encode(errors="surrogateescape") for name, sha256 in ordered)
    return hashlib.sha256(b"".join(lines)).hexdigest()


def name_in_tar(path: Path) -> str:
    return str(path).lstrip("/")


def pack(intake: Intake, files: Iterable[LogFile], *, growing: bool) -> list[Packed]:
    """Write the tar; ``growing`` files as far as they were when they were seen. Raises ``Moved``, ``NotReadable``."""
    packed = []
    with tarfile.open(
        fileobj=cast("IO[bytes]", _Into(intake)),
        mode="w|",
        format=tarfile.PAX_FORMAT,
        encoding="utf-8",
        errors="surrogateescape",
    ) as tar:
        for file in files:
            with opened(file, growing=growing) as stream:
                info = tarfile.TarInfo(name_in_tar(file.path))
                seen = os.fstat(stream.fileno())
                info.size, info.mode, info.mtime = file.size, seen.st_mode & 0o777, int(seen.st_mtime)
                info.uid, info.gid = seen.st_uid, seen.st_gid
                reader = _Measured(stream, file.size)
                tar.addfile(info, cast("IO[bytes]", reader))
            packed.append(Packed(info.name, file.size, reader.digest.hexdigest()))
    return packed


class _Measured:
    """Exactly so many bytes of a stream, hashed as they pass."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream = stream
        self._left = size
        self.digest = hashlib.sha256()

    def read(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < min(size, self._left):
            data = self._stream.read(min(size, self._left) - len(parts))
            if not data:
                raise Moved  # truncated under our hands: what it held is in another file now
            parts += data
        self._left -= len(parts)
        self.digest.update(parts)
        return bytes(parts)


class _Into(io.RawIOBase):
    """What tarfile writes to."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        view = memoryview(cast("bytes", data))
        self._intake.write(view)
        return view.nbytes


class DayScanner:
    """Hashes every file of a tar as its bytes pass, and compares the day with the manifest. A ``Scanner``."""

    def __init__(self, item: Item) -> None:
        self._item = item
        self._waiting = bytearray()
        self._files: list[Packed] = []
        self._wrong = ""
        self._ended = False
        self._walk = self._members()
        next(self._walk)

    def feed(self, data: bytes) -> None:
        if self._wrong or self._ended:
            return
        self._waiting += data
        try:
            self._walk.send(None)
        except StopIteration:
            self._ended = True
        except (tarfile.TarError, ValueError) as error:
            self._wrong = f"after {len(self._files)} files the tar cannot be read: {error}"

    def finish(self) -> str:
        if self._wrong:
            return self._wrong
        if not self._ended:
            return "the tar has no end: it is cut off"
        count, size = len(self._files), sum(item.bytes for item in self._files)
        if (count, size) != (self._item.count, self._item.bytes):
            return f"it holds {count} files of {size} bytes, {self._item.count} of {self._item.bytes} were backed up"
        same = day_digest((item.name, item.sha256) for item in self._files) == self._item.digest
        return "" if same else f"the files of {self._item.name} are not those that were backed up"

    def _members(self) -> Generator[None, None, None]:
        yield
        more: dict[bytes, bytes] = {}
        places = Places()
        while any(header := (yield from self._take(_BLOCK))):
            info = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
            if info.type in (tarfile.XHDTYPE, tarfile.XGLTYPE):
                more = pax_records((yield from self._take(padded(info.size)))[: info.size])
                continue
            path, size = (
                more.get(b"path", info.name.encode("utf-8", "surrogateescape")),
                int(more.get(b"size", info.size)),
            )
            if refused := places.taken(path, directory=not info.isreg()):
                raise ValueError(refused)
            digest, left = hashlib.sha256(), size
            while left:
                data = yield from self._take(min(left, CHUNK))
                digest.update(data)
                left -= len(data)
            yield from self._take(padded(size) - size)
            self._files.append(Packed(path.decode("utf-8", "surrogateescape"), size, digest.hexdigest()))
            more = {}

    def _take(self, size: int) -> Generator[None, None, bytes]:
        while len(self._waiting) < size:
            yield
        data = bytes(self._waiting[:size])
        del self._waiting[:size]
        return data
