"""One object on its way into the stores, in one pass: compress, encrypt, hash, and write everywhere while it streams.

Memory is bounded by the buffers between the stages, whatever the object's size. Nothing is visible in any store
until every stage has ended well. A store that fails is dropped and named; the others go on.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO

from dr.catalog.manifest import Compression, ObjectRecord, Role
from dr.errors import DrError, PipelineError, StoreError
from dr.pipeline.compress import Compressor, compressor, salt_frame
from dr.pipeline.process import Child, Exit, widen
from dr.storage.all_failed import all_of
from dr.storage.protocol import ObjectWriter, Store

CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class Written:
    """An object that is safe: its record, the stores that hold it, and those that failed with their error."""

    record: ObjectRecord
    stores: tuple[str, ...]
    failures: Mapping[str, StoreError]


class _FanOut:
    """Writes the same bytes to every store, hashing them once; a failing store leaves the others alone."""

    def __init__(self, key: str, stores: Mapping[str, Store]) -> None:
        self.failures: dict[str, StoreError] = {}
        self.writers: dict[str, ObjectWriter] = {}
        self.digest = hashlib.sha256()
        self.count = 0
        for name, store in stores.items():
            self._guard(name, lambda name=name, store=store: self._open(name, store, key))  # type: ignore[misc]

    def _open(self, name: str, store: Store, key: str) -> None:
        self.writers[name] = store.writer(key)

    def _guard(self, name: str, action: Callable[[], object]) -> None:
        try:
            action()
        except StoreError as error:
            self.failures[name] = error
            writer = self.writers.pop(name, None)
            if writer is not None:
                self._abort(name, writer)

    def _abort(self, name: str, writer: ObjectWriter) -> None:
        try:
            writer.abort()
        except StoreError as error:
            first = self.failures.get(name, error)
            detail = f"{first.detail} (clean-up failed too: {error.message})".strip()
            self.failures[name] = type(first)(first.message, detail, first.hint)

    def write(self, data: bytes) -> None:
        self.digest.update(data)
        self.count += len(data)
        for name, writer in list(self.writers.items()):
            self._guard(name, lambda writer=writer: writer.write(data))  # type: ignore[misc]
        if not self.writers:
            raise all_of(self.failures)

    def commit(self) -> tuple[str, ...]:
        for name, writer in list(self.writers.items()):
            self._guard(name, writer.commit)
        if not self.writers:
            raise all_of(self.failures)
        return tuple(self.writers)

    def abort(self) -> None:
        for name, writer in self.writers.items():
            self._abort(name, writer)
        self.writers.clear()


class _Packed:
    """Counts and hashes what goes into the encryptor."""

    def __init__(self, stdin: IO[bytes]) -> None:
        self._stdin = stdin
        self.digest = hashlib.sha256()
        self.count = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.digest.update(data)
        self._stdin.write(data)
        self.count += memoryview(data).nbytes

    def close(self) -> None:
        self._stdin.close()


class ObjectPipeline:
    """Takes the plain bytes of one object. ``finish`` makes it visible; leaving the context otherwise undoes it all.

    ``salted`` (zstd only) keeps the hash of the packed bytes from telling what they are.
    """

    def __init__(
        self,
        key: str,
        role: Role,
        compression: Compression,
        encryptor: Child,
        stores: Mapping[str, Store],
        *,
        packed_already: bool = False,
        level: int = 1,
        salted: bool = False,
    ) -> None:
        self._key, self._role, self._compression = key, role, compression
        self._encryptor = encryptor
        self._packed_already = packed_already
        widen(encryptor.stdin)
        widen(encryptor.stdout)
        self._packed = _Packed(encryptor.stdin)
        self._fan_out = _FanOut(key, stores)
        self._compressor: Compressor | None = compressor(
            Compression.NONE if packed_already else compression, self._packed, level
        )
        self._plain = 0
        self._pump_error: BaseException | None = None
        self._pump = threading.Thread(target=self._pump_stored, name=f"store {key}", daemon=True)
        self._done = False
        self._pump.start()
        if salted and compression is Compression.ZSTD:
            self._packed.write(salt_frame())

    def _pump_stored(self) -> None:
        """Encrypted bytes to the stores. On failure the pipe is closed, so that the stages above end as well."""
        try:
            with self._encryptor.stdout as stream:
                while data := stream.read1(CHUNK):  # type: ignore[attr-defined]
                    self._fan_out.write(data)
        except BaseException as error:  # noqa: BLE001 - it is raised again by whoever waits for this thread
            self._pump_error = error

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next plain bytes; blocks while the stages below are busy."""
        if self._compressor is None:
            raise ValueError(f"{self._key} is finished")
        self._plain += memoryview(data).nbytes
        try:
            self._compressor.write(data)
        except (OSError, ValueError) as error:
            raise self._explain(error) from error

    def finish(self, source: Exit | None = None, tablespace: tuple[int, str] | None = None) -> Written:
        """Flush, wait for every stage, and commit. ``source`` is how the producing process ended, when there is one."""
        try:
            if self._compressor is not None:
                closing, self._compressor = self._compressor, None
                closing.close()
            self._packed.close()
        except (OSError, ValueError) as error:
            raise self._explain(error, source) from error
        self._pump.join()
        ended = self._encryptor.wait(deadline_seconds=60)
        if self._pump_error is not None or not ended.ok or (source is not None and not source.ok):
            raise self._explain(self._pump_error, source)
        stores = self._fan_out.commit()
        self._done = True
        record = ObjectRecord(
            key=self._key,
            role=self._role,
            compression=self._compression,
            plain_bytes=None if self._packed_already else self._plain,
            packed_bytes=self._packed.count,
            packed_sha256=self._packed.digest.hexdigest(),
            stored_bytes=self._fan_out.count,
            stored_sha256=self._fan_out.digest.hexdigest(),
            tablespace_oid=tablespace[0] if tablespace else None,
            tablespace_path=tablespace[1] if tablespace else None,
        )
        return Written(record, stores, dict(self._fan_out.failures))

    def _explain(self, error: BaseException | None, source: Exit | None = None) -> BaseException:
        """The error that names every stage: when a sink dies its source complains of a broken pipe, so list all."""
        if isinstance(error, DrError):
            return error
        # A store that fails closes the pipe first and is noted a moment later: what broke is its error, not the pipe.
        self._pump.join(timeout=5)
        if isinstance(self._pump_error, DrError):
            return self._pump_error
        ended = self._encryptor.wait(deadline_seconds=5)
        stages = [str(source)] if source is not None else []
        stages.append(str(ended))
        for cause in (error, self._pump_error):
            if cause is not None and str(cause) not in stages:
                stages.append(f"{type(cause).__name__}: {cause}")
        stages += [f"store {name}: {failure.message}" for name, failure in self._fan_out.failures.items()]
        return PipelineError(
            f"writing {self._key} failed",
            detail="; ".join(stages),
            hint="Look at the first stage that did not end with status 0. Nothing half-made is listed.",
        )

    def __enter__(self) -> ObjectPipeline:
        return self

    def __exit__(self, *exc: object) -> None:
        self._encryptor.close()
        if self._compressor is not None:
            # Its threads end with it; what it still holds has nowhere to go.
            with contextlib.suppress(OSError, ValueError):
                self._compressor.close()
        self._pump.join(timeout=60)
        if not self._done:
            self._fan_out.abort()
