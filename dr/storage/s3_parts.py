"""Cutting a stream of unknown length into the parts of a multipart upload, with bounded memory.

S3 takes at most 10,000 parts, so a fixed size either wastes memory on small backups or cannot hold large ones. Parts
begin at 8 MiB and double every 1,000: room for 7.8 TiB (S3 allows 5), and 10 GiB still travel in 8 MiB parts. Parts too
large to be kept in memory wait in an unlinked temporary file; what a store is given is already encrypted.
"""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Generic, TypeVar

from dr.errors import StoreError
from dr.storage.local_errors import translated

MIB = 1 << 20
MAX_PARTS = 10_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PartPlan:
    """Sizes in bytes. ``pending`` is what may wait or travel beside the part that is being filled."""

    first: int = 8 * MIB
    double_every: int = 1_000
    in_memory: int = 32 * MIB
    pending: int = 64 * MIB
    threads: int = 3

    def size(self, number: int) -> int:
        """Size of part ``number``, counted from 1; raises StoreError beyond what S3 can hold.

        >>> [PartPlan().size(number) // MIB for number in (1, 1000, 1001, 10_000)]
        [8, 8, 16, 4096]
        """
        if number > MAX_PARTS:
            raise StoreError(
                "the object is too large for S3",
                f"it needs more than {MAX_PARTS} parts",
                "Split the backup: one database or one tablespace at a time.",
            )
        return self.first << ((number - 1) // self.double_every)


class PartBuffer:
    """One part being filled: in memory, or in an unlinked temporary file when it will be large."""

    def __init__(self, store: str, number: int, plan: PartPlan) -> None:
        self.number = number
        self.size = 0
        self._store = store
        self._limit = plan.size(number)
        self._memory = bytearray()
        self._file: IO[bytes] | None = None
        if self._limit > plan.in_memory:
            with translated(store, Path(tempfile.gettempdir()), "make a temporary file for a large part"):
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by close()

    @property
    def is_full(self) -> bool:
        return self.size >= self._limit

    def take(self, data: memoryview) -> memoryview:
        """Copy what fits, return what does not."""
        fitting, rest = data[: self._limit - self.size], data[self._limit - self.size :]
        self.size += len(fitting)
        if self._file is None:
            self._memory += fitting
        else:
            with translated(self._store, Path(tempfile.gettempdir()), "buffer a large part"):
                while fitting:
                    fitting = fitting[self._file.write(fitting) :]
        return rest

    def payload(self) -> Any:
        """The bytes as boto3 takes them: a bytearray (which its type stubs forget) or a file at its beginning."""
        if self._file is None:
            return self._memory
        self._file.seek(0)
        return self._file

    def sha256(self) -> bytes:
        body = self.payload()
        return (hashlib.sha256(body) if isinstance(body, bytearray) else hashlib.file_digest(body, "sha256")).digest()

    def close(self) -> None:
        self._memory = bytearray()
        if self._file is not None:
            self._file.close()


class PartPool(Generic[T]):
    """Sends parts on a few threads, and makes the producer wait while too much is under way.

    The threads are daemons: a hung endpoint must not keep a program alive that was told to stop.
    """

    def __init__(self, send: Callable[[PartBuffer], T], plan: PartPlan) -> None:
        self._send = send
        self._plan = plan
        self._changed = threading.Condition()
        self._queue: deque[PartBuffer] = deque()
        self._sent: dict[int, T] = {}
        self._error: BaseException | None = None
        self._pending_bytes = 0
        self._pending = 0
        self._closed = False
        self._threads = 0

    def submit(self, part: PartBuffer) -> None:
        """Hand over a part; blocks until there is room. Raises the error of an earlier part."""
        with self._changed:
            self._changed.wait_for(lambda: self._error is not None or self._has_room(part.size))
            self._raise()
            self._queue.append(part)
            self._pending += 1
            self._pending_bytes += part.size
            if self._threads < min(self._plan.threads, self._pending):
                self._threads += 1
                threading.Thread(target=self._work, name="s3-part", daemon=True).start()
            self._changed.notify_all()

    def finish(self) -> dict[int, T]:
        """Wait for all parts; return what ``send`` returned, by part number. Raises the first error."""
        with self._changed:
            self._changed.wait_for(lambda: self._error is not None or self._pending == 0)
            self._closed = True
            self._changed.notify_all()
            self._raise()
            return self._sent

    def cancel(self, seconds: float) -> bool:
        """Drop what waits, and wait up to ``seconds`` for what travels. True when nothing travels any more."""
        with self._changed:
            self._drop_queue()
            self._closed = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._pending == 0, seconds)

    def _has_room(self, size: int) -> bool:
        few = self._pending <= self._plan.threads
        return self._pending == 0 or (few and self._pending_bytes + size <= self._plan.pending)

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or bool(self._queue))
                if not self._queue:
                    return
                part = self._queue.popleft()
            try:
                answer = self._send(part)
            except BaseException as error:  # noqa: BLE001 - raised again in the thread that writes
                with self._changed:
                    self._error = self._error or error
                    self._drop_queue()
                    self._ended(part)
            else:
                with self._changed:
                    self._sent[part.number] = answer
                    self._ended(part)

    def _drop_queue(self) -> None:
        while self._queue:
            self._ended(self._queue.popleft())

    def _ended(self, part: PartBuffer) -> None:
        self._pending -= 1
        self._pending_bytes -= part.size
        part.close()
        self._changed.notify_all()
