"""Compression in stock formats: gzip for the dump (the guide's format), zstd for base backups.

gzip is made by ISA-L in threads of its own: the same file format at several times the speed of ``gzip``.
"""

from __future__ import annotations

import io
import secrets
import struct
from collections.abc import Generator, Iterator
from typing import IO, Protocol, cast

import zstandard
from isal import igzip_lib, igzip_threaded, isal_zlib

from dr.catalog.manifest import Compression
from dr.errors import BackupInvalid

PIECE = 1 << 20
_ZSTD_PIECE = 1 << 18
# zstd makes up to 128 KiB out of every 4 bytes and its binding knows no limit, so it is fed little at a time.
_ZSTD_BITE = 2048
_SKIPPABLE = struct.Struct("<II")  # magic number, length of what follows
_SKIPPABLE_MAGIC = 0x184D2A5D
_SALT_BYTES = 16


class Sink(Protocol):
    """Anything that takes bytes."""

    def write(self, data: bytes | bytearray | memoryview) -> object: ...


class Compressor(Protocol):
    """Takes plain bytes, gives packed ones to the sink it was made with."""

    def write(self, data: bytes | bytearray | memoryview) -> object: ...
    def close(self) -> None: ...


class _RawSink(io.RawIOBase):
    """Shows a sink to libraries that want a file. Closing it does not close the sink."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        view = memoryview(cast("bytes", data))
        self._sink.write(view)
        return view.nbytes


class _Zstd:
    def __init__(self, sink: Sink, level: int) -> None:
        compressor = zstandard.ZstdCompressor(level=level, threads=2, write_checksum=True)
        self._writer = compressor.stream_writer(cast("IO[bytes]", _RawSink(sink)), closefd=False)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._writer.write(data)

    def close(self) -> None:
        self._writer.close()  # type: ignore[no-untyped-call]


class _Plain:
    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._sink.write(data)

    def close(self) -> None:
        """Nothing is held back."""


def compressor(kind: Compression, sink: Sink, level: int = 1) -> Compressor:
    """A compressor into ``sink``; ``Compression.NONE`` passes bytes through (they are compressed already)."""
    if kind is Compression.GZIP:
        writer = igzip_threaded.open(  # type: ignore[no-untyped-call]
            _RawSink(sink), "wb", compresslevel=level, threads=1, block_size=1 << 20
        )
        return cast("Compressor", writer)
    if kind is Compression.ZSTD:
        return _Zstd(sink, level)
    return _Plain(sink)


def salt_frame() -> bytes:
    """A zstd frame of random bytes that every reader skips, ``zstd -d`` included.

    Put in front of a stream it makes two packings of the same bytes differ. A manifest, which anybody can read, has the
    hash of the packed bytes: without salt, somebody who knows all of a configuration but a short password could try
    passwords until the hash is the same.
    """
    salt = secrets.token_bytes(_SALT_BYTES)
    return _SKIPPABLE.pack(_SKIPPABLE_MAGIC, len(salt)) + salt


class Decompressor:
    """Turns packed bytes back into plain ones and knows whether the end was really reached.

    Reads several members or frames in a row, as ``gunzip`` and ``zstd`` do.
    """

    def __init__(self, kind: Compression) -> None:
        self._kind = kind
        self._begun = False
        self._complete = kind is Compression.NONE
        self._make()

    def _make(self) -> None:
        if self._kind is Compression.GZIP:
            self._gzip = isal_zlib.decompressobj(wbits=31)
        elif self._kind is Compression.ZSTD:
            self._zstd = zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The plain bytes of the next packed ones; read it to its end. Raises ``BackupInvalid`` on damage.

        They come in pieces of about ``PIECE`` bytes: a megabyte of gzip can hold a gigabyte of equal rows, and one of
        zstd much more.
        """
        if self._kind is Compression.NONE:
            yield data
            return
        unpack = self._gunzip if self._kind is Compression.GZIP else self._unzstd
        try:
            while data:
                if self._complete:
                    self._make()
                    self._complete = False
                self._begun = True
                data = yield from unpack(data)
        except (igzip_lib.IsalError, zstandard.ZstdError, EOFError) as error:  # type: ignore[misc]
            raise BackupInvalid(
                f"the {self._kind} stream is damaged",
                detail=str(error),
                hint="Use another copy (dr show LABEL lists the stores) or an older backup.",
            ) from error

    def _gunzip(self, data: bytes) -> Generator[bytes, None, bytes]:
        """Yields plain bytes up to the end of the data or of the member; returns what is behind that."""
        while True:
            plain = self._gzip.decompress(data, PIECE)
            if plain:
                yield plain
            data = self._gzip.unconsumed_tail
            self._complete = self._gzip.eof
            if self._complete:
                return self._gzip.unused_data
            if not data and len(plain) < PIECE:
                return b""

    def _unzstd(self, data: bytes) -> Generator[bytes, None, bytes]:
        """The same for a frame."""
        waiting, size = [], 0
        for at in range(0, len(data), _ZSTD_BITE):
            plain = self._zstd.decompress(data[at : at + _ZSTD_BITE])
            waiting.append(plain)
            size += len(plain)
            self._complete = self._zstd.eof
            if size >= _ZSTD_PIECE or (size and self._complete):
                yield b"".join(waiting)
                waiting, size = [], 0
            if self._complete:
                return self._zstd.unused_data + data[at + _ZSTD_BITE :]
        if size:
            yield b"".join(waiting)
        return b""

    def finish(self) -> None:
        """Raise ``BackupInvalid`` when the stream stopped before its end."""
        if not self._complete or (self._kind is not Compression.NONE and not self._begun):
            raise BackupInvalid(
                f"the {self._kind} stream is cut off",
                hint="Use another copy (dr show LABEL lists the stores) or an older backup.",
            )
