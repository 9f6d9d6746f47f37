"""One piece of WAL on its way: checked, hashed, compressed, encrypted; stored, read back and compared.

Compressed bytes go to ``gpg`` in an anonymous memory file and come back in another: no pipe has to be pumped by Python,
and no plaintext rests on a disk. Memory used is the file's size and that of what it became.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import zstandard

from dr.catalog.wal_names import Segment, WalGeometry
from dr.crypto.gnupg import Cipher
from dr.crypto.packets import ENOUGH, parse_envelope
from dr.errors import BackupInvalid, PipelineError, StoreError
from dr.operations.wal.spool import SpoolFile
from dr.postgres.wal_header import HEADER_BYTES, check_header, check_pages, parse_header, valid_bytes
from dr.storage.protocol import Store

_LEVEL = 1
_GPG_SECONDS = 600
_ZEROS = bytes(1 << 20)


@dataclass(frozen=True, slots=True)
class PlainSegment:
    """A closed segment that was checked and hashed, in memory."""

    segment: Segment
    geometry: WalGeometry
    data: bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class PlainPartial:
    """What was written of an open segment. Its hash is over that and zeros up to the segment's size."""

    segment: Segment
    geometry: WalGeometry
    data: bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """The bytes that are stored, and their hash."""

    data: bytes
    sha256: str


def read_segment(file: SpoolFile, segment: Segment, system_identifier: str) -> PlainSegment:
    """Read and check a closed segment. Raises ``BackupInvalid`` when it is not what its name says."""
    origin = str(file.path)
    data = file.path.read_bytes()
    header = parse_header(data, origin)
    geometry = check_header(header, segment, system_identifier, origin)
    if len(data) != geometry.segment_bytes:
        raise BackupInvalid(
            f"{origin} is cut off" if len(data) < geometry.segment_bytes else f"{origin} is too long",
            detail=f"it has {len(data)} bytes, a segment of this cluster has {geometry.segment_bytes}",
            hint="Look at where the file comes from, and at whether its disk was full.",
        )
    check_pages(memoryview(data), header, segment, origin)
    return PlainSegment(segment, geometry, data, hashlib.sha256(data).hexdigest())


def read_partial(file: SpoolFile, segment: Segment, system_identifier: str, floor: int) -> PlainPartial | None:
    """Read what was written of an open segment, at least up to the LSN ``floor``; None when nothing was written yet."""
    descriptor = os.open(file.path, os.O_RDONLY)
    try:
        head = os.pread(descriptor, HEADER_BYTES, 0)
        if not any(head):
            return None
        header = parse_header(head, str(file.path))
        geometry = check_header(header, segment, system_identifier, str(file.path))
        begin = geometry.begin(segment).position
        count = max(valid_bytes(descriptor, header), min(max(floor - begin, 0), geometry.segment_bytes))
        data = os.pread(descriptor, count, 0)
        if len(data) != count:
            raise BackupInvalid(f"{file.path} is cut off", f"{len(data)} of {count} bytes", "Look at its disk.")
    finally:
        os.close(descriptor)
    digest = hashlib.sha256(data)
    for zeros in _padding(geometry.segment_bytes - count):
        digest.update(zeros)
    return PlainPartial(segment, geometry, data, digest.hexdigest())


def _padding(count: int) -> Iterator[bytes]:
    while count:
        piece = _ZEROS[:count]
        count -= len(piece)
        yield piece


def seal(piece: PlainSegment | PlainPartial, cipher: Cipher, key: str) -> Sealed:
    """Compress and encrypt a segment, an open one filled up with zeros."""
    rest = piece.geometry.segment_bytes - len(piece.data)
    return seal_bytes((piece.data, *_padding(rest)), cipher, key)


def seal_bytes(pieces: Iterable[bytes], cipher: Cipher, key: str) -> Sealed:
    """Compress and encrypt; checked to be an OpenPGP message for exactly the configured keys (I20)."""
    # In one piece: it is in memory anyway, and takes two thirds of the time of a stream.
    packed = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(b"".join(pieces))
    with _memory_file(packed) as source, _memory_file(b"") as sink:
        with cipher.encryptor(key, stdin=source, stdout=sink) as child:
            timer = threading.Timer(_GPG_SECONDS, child.kill_group)
            timer.daemon = True
            timer.start()
            try:
                ended = child.wait()
            finally:
                timer.cancel()
        size = os.fstat(sink).st_size
        if not ended.ok or not size:
            raise PipelineError(f"{key} cannot be encrypted", str(ended), "See what gpg says above.")
        data = os.pread(sink, size, 0)
    cipher.check_envelope(parse_envelope(data[:ENOUGH], key), key)
    return Sealed(data, hashlib.sha256(data).hexdigest())


@contextmanager
def _memory_file(data: bytes) -> Iterator[int]:
    descriptor = os.memfd_create("wal")
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def store(target: Store, key: str, sealed: Sealed) -> None:
    """Store the object and read it back. Raises ``StoreError`` unless what the store gives back is what it was given.

    In the store's default class: it is read back at once, and it is what a recovery needs first.
    """
    target.put_bytes(key, sealed.data)
    digest = hashlib.sha256()
    for data in target.read_back(key):
        digest.update(data)
    if digest.hexdigest() != sealed.sha256:
        raise StoreError(
            f"store {target.name} does not give back what it was given",
            f"{key}: sha256 {digest.hexdigest()} instead of {sealed.sha256}",
            "Look into that store before relying on it. The WAL stays in the spool until a store has it.",
        )
