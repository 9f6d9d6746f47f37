"""What a store must do: keep named objects, written as a stream, read as a stream, never half-visible.

Keys are ``/``-separated relative paths (``coreflow360/database/backup_....sql.gz.gpg``), the same in every store
(``dr.storage.keys`` says which are refused). Implementations translate their native errors into
``dr.errors.StoreError`` subclasses and never retry a permanent one. One conformance suite
(``tests/contracts/test_store_contract.py``) runs over all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, Self, runtime_checkable

from dr.errors import StoreError


class ConditionalWritesMissing(StoreError):
    """The store cannot write "only when there is none": ``create`` would not be exclusive and is refused.

    Found by trying, never assumed: some endpoints answer "not implemented", others ignore the condition and overwrite.
    """


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object as its store lists it. ``size`` in bytes, ``modified`` aware (UTC, of the store's own clock)."""

    key: str
    size: int
    modified: datetime
    storage_class: str | None = None


@dataclass(frozen=True, slots=True)
class Committed:
    """What a store says after the last byte: ``size`` in bytes, and whether it gave back a checksum equal to ours.

    ``checksum_compared`` is a bonus, not a proof: some endpoints echo the checksum that they were sent. The proof is
    our own hash over the object read back. A checksum that differs is never reported here, it fails the write.
    """

    key: str
    size: int
    checksum_compared: bool


@runtime_checkable
class ObjectWriter(Protocol):
    """A write in progress. Invisible until ``commit``; ``abort`` leaves nothing behind.

    ``write`` may block while earlier bytes travel; memory use is bounded whatever the object's size. A ``commit`` that
    raises has already aborted. After the end ``abort`` is harmless, ``write`` and ``commit`` raise RuntimeError.
    Used as a context manager it commits on a clean exit (unless already ended) and aborts on an exception.
    """

    def write(self, data: bytes | bytearray | memoryview) -> None: ...
    def commit(self) -> Committed: ...
    def abort(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...


@runtime_checkable
class Store(Protocol):
    """A place that keeps objects: a directory, an S3 bucket, an S3 bucket in another region or account.

    One store may be used by several threads at once; one writer only by one.
    """

    @property
    def name(self) -> str:
        """The name that manifests use: ``local``, ``cloud``, ``second-region``."""
        ...

    @property
    def location(self) -> str:
        """Where it is, for people: an absolute directory or ``s3://bucket/prefix``."""
        ...

    @property
    def is_local(self) -> bool:
        """True when the objects are files of this machine."""
        ...

    def writer(self, key: str) -> ObjectWriter:
        """Open ``key`` for streaming; the object appears whole on commit, replacing an older one."""
        ...

    def read(self, key: str, chunk_size: int = 1 << 20) -> Iterator[bytes]:
        """Yield the object's bytes. Raises ``ObjectMissing`` before the first chunk when there is none."""
        ...

    def read_bytes(self, key: str) -> bytes:
        """The whole of a small object (manifests, records)."""
        ...

    def read_back(self, key: str) -> Iterator[bytes]:
        """What this process has written by ``put_bytes`` a moment ago: it cannot lie in an archive class yet."""
        ...

    def put_bytes(self, key: str, data: bytes) -> None:
        """Write a small object atomically, replacing an older one."""
        ...

    def create(self, key: str, data: bytes) -> bool:
        """Write a small object only when none is there. False, and nothing changed, when there is one.

        Of any number of processes on any number of hosts exactly one gets True. Raises ``ConditionalWritesMissing``
        where the store cannot promise that.
        """
        ...

    def head(self, key: str) -> StoredObject:
        """Size and time of one object. Raises ``ObjectMissing``."""
        ...

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Every object whose key begins with ``prefix``, in key order, however many there are (I15)."""
        ...

    def delete(self, key: str) -> None:
        """Remove one object; removing an absent one is no error."""
        ...

    def free_bytes(self) -> int | None:
        """Bytes that can still be written, or None where the store has no such limit."""
        ...

    def sweep_partials(self, older_than: timedelta) -> int:
        """Remove what killed writers left (temporary files, multipart uploads); return how many.

        Only files not written to, and uploads not begun, within ``older_than``: choose it longer than any backup takes.
        """
        ...
