"""Reading a backup's objects for a restore: which hash is expected, and what each stage took."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TypeVar

from dr.catalog.manifest import ObjectRecord
from dr.crypto.gnupg import Cipher
from dr.errors import BackupInvalid, StoreError, StoreFull
from dr.evidence.phases import Phase
from dr.pipeline.read import ObjectReader, StageSeconds
from dr.storage.protocol import Store

logger = logging.getLogger(__name__)

STEP = "fetch"
Result = TypeVar("Result")


@contextmanager
def reading(store: Store, item: ObjectRecord, cipher: Cipher) -> Iterator[ObjectReader]:
    """The plain bytes of one object. A record without a hash (a file without manifest) is read uncompared."""
    expected = item if item.stored_sha256 else None
    with (
        cipher.decryptor(item.key) as decryptor,
        ObjectReader(store, item.key, item.compression, decryptor, expected, STEP) as reader,
    ):
        yield reader


def streamed_phases(
    begin: float, end: float, seconds: StageSeconds, restore_seconds: float, size: int
) -> tuple[Phase, ...]:
    """The phases of a stream: all have its begin and end, each its own time at work."""
    return (
        Phase("fetch", begin, end, seconds.fetch, size),
        Phase("decrypt", begin, end, seconds.decrypt, size),
        Phase("decompress", begin, end, seconds.decompress),
        Phase("restore", begin, end, restore_seconds),
    )


def feed(sink: IO[bytes], data: bytes) -> bool:
    """Write to a child; False once it has gone (its own message says why)."""
    try:
        sink.write(data)
    except (BrokenPipeError, ValueError):
        return False
    return True


def from_first_whole_copy(
    stores: Sequence[Store], attempt: Callable[[Store], Result], undo: Callable[[], None]
) -> tuple[Result, tuple[str, ...]]:
    """Try each copy in turn; a damaged or unreachable one is noted and undone, and the next is tried.

    What has nothing to do with the copy (a full target, a wrong key) is raised at once.
    """
    notes: list[str] = []
    last: BackupInvalid | StoreError | None = None
    for store in stores:
        try:
            return attempt(store), tuple(notes)
        except StoreFull:
            undo()
            raise
        except (BackupInvalid, StoreError) as error:
            undo()
            logger.warning("the copy in %s could not be used, trying the next: %s", store.name, error.message)
            notes.append(f"the copy in {store.name} could not be used: {error.message}")
            last = error
        except BaseException:
            undo()
            raise
    if last is None:
        raise BackupInvalid("there is no copy to restore from", hint="dr list shows what there is.")
    raise last
