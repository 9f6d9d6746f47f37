"""Compression in stock formats: gzip for the dump (the guide's format), zstd for base backups.

gzip is made by ISA-L in threads of its own: the same file format at several times the speed of ``gzip``.
"""

from __future__ import annotations

import io
from typing import IO, Protocol, cast

import zstandard
from isal import igzip_lib, igzip_threaded, isal_zlib

from dr.catalog.manifest import Compression
from dr.errors import BackupInvalid


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

    def feed(self, data: bytes) -> bytes:
        """The plain bytes of the next packed ones. Raises ``BackupInvalid`` on damage."""
        if self._kind is Compression.NONE:
            return data
        try:
            return self._feed(data)
        except (igzip_lib.IsalError, zstandard.ZstdError, EOFError) as error:  # type: ignore[misc]
            raise BackupInvalid(
                f"the {self._kind} stream is damaged",
                detail=str(error),
                hint="Use another copy (dr show LABEL lists the stores) or an older backup.",
            ) from error

    def _feed(self, data: bytes) -> bytes:
        output: list[bytes] = []
        while data:
            if self._complete:
                self._make()
                self._complete = False
            self._begun = True
            stage = self._gzip if self._kind is Compression.GZIP else self._zstd
            output.append(stage.decompress(data))
            self._complete = stage.eof
            data = stage.unused_data if stage.eof else b""
        return output[0] if len(output) == 1 else b"".join(output)

    def finish(self) -> None:
        """Raise ``BackupInvalid`` when the stream stopped before its end."""
        if not self._complete or (self._kind is not Compression.NONE and not self._begun):
            raise BackupInvalid(
                f"the {self._kind} stream is cut off",
                hint="Use another copy (dr show LABEL lists the stores) or an older backup.",
            )
