"""Into a running, empty Redis: each key by RESTORE, as its bytes lie in the file, with the moment at which it expires.

No file is put under a server that runs, nothing is restarted, and `appendonly yes` needs no care: the server gets
ordinary commands.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from itertools import islice
from mmap import mmap
from pathlib import Path

from redis import Redis
from redis import exceptions as native
from redis.client import Pipeline

from dr.catalog.manifest import ComponentContents, Manifest
from dr.components.protocol import Laid
from dr.components.redis.checksum import checksum
from dr.components.redis.expected import Expected, now_ms
from dr.components.redis.inventory import FILE
from dr.components.redis.laying import check_wanted
from dr.components.redis.question import look, opened
from dr.components.redis.rdb import Key, Walk
from dr.components.redis.rdb_cursor import NotRdb
from dr.components.redis.rdb_types import FUNCTION
from dr.components.redis.server import Server, State, said
from dr.configuration.components.redis import RedisSettings
from dr.errors import BackupInvalid, RecoveryFailed, TargetRefused, ToolError

_BATCH_KEYS = 500
_BATCH_BYTES = 4 << 20
_SHOWN = 3


def put_back(settings: RedisSettings, manifest: Manifest, directory: Path, wanted: Sequence[str]) -> Laid:
    """Raises ``TargetRefused`` unless the server is an empty master, ``RecoveryFailed`` when it ends up different."""
    contents = manifest.component or ComponentContents(manifest.begin)
    check_wanted(contents, wanted)
    server = Server(settings)
    _refuse_unless_empty(server, server.state())
    path = directory / FILE
    databases = tuple(int(name.removeprefix("db")) for name in wanted if name != FILE) or None
    try:
        looked = look(contents, path, databases)
    except (NotRdb, OSError) as error:
        raise BackupInvalid(
            f"{path} is no whole RDB file", str(error), "Restore it again, into another directory."
        ) from error
    if looked.walk.unknown:
        raise ToolError(
            f"{path} holds {looked.walk.unknown}, which this program does not know",
            hint="Put the file in place by hand, as the notes of the restore say.",
        )
    with opened(path) as data, ExitStack() as stack:
        restoring = _Restoring(server, looked.walk, data, databases, stack)
        restoring.all()
    _compare(server, looked.expected)
    notes = (f"{restoring.expired} keys had expired meanwhile and were left out",) if restoring.expired else ()
    return Laid(restoring.count, restoring.bytes, notes)


def _refuse_unless_empty(server: Server, state: State) -> None:
    if state.total:
        held = ", ".join(f"db{database} {count} keys" for database, count in sorted(state.keys.items()))
        raise TargetRefused(
            f"{server} is not empty",
            f"it holds {held}",
            "Nothing is overwritten. Name an empty Redis in redis.url, or empty this one yourself (FLUSHALL).",
        )
    if state.role != "master":
        raise TargetRefused(f"{server} is a replica", hint="Name its master in redis.url.")
    if state.cluster:
        raise TargetRefused(
            f"{server} is a node of a Redis Cluster", hint="Put the file under the node that has these slots, by hand."
        )


class _Restoring:
    """Walks the file once more and sends what it meets, in batches, so that a batch is all that memory holds."""

    def __init__(
        self, server: Server, walk: Walk, data: mmap, databases: Sequence[int] | None, stack: ExitStack
    ) -> None:
        self._server, self._walk, self._data, self._databases, self._stack = server, walk, data, databases, stack
        self._version = walk.version.to_bytes(2, "little")
        self._clients: dict[int, Redis] = {}
        self._pipeline: Pipeline | None = None
        self._database = -1
        self._waiting = self._waiting_bytes = 0
        self.count = self.bytes = self.expired = 0

    def all(self) -> None:
        """Raises ``RecoveryFailed`` at the first refusal."""
        if self._walk.functions and self._databases is None:
            libraries = b"".join(bytes((FUNCTION,)) + self._data[begin:end] for begin, end in self._walk.functions)
            self._take(0, len(libraries), "FUNCTION", "RESTORE", self._sealed(libraries))
            self._send()
        Walk(self._on_key).over(self._data)
        self._send()

    def _on_key(self, key: Key) -> None:
        if self._databases is not None and key.database not in self._databases:
            return
        if key.expires is not None and key.expires <= now_ms():
            self.expired += 1
            return
        value = self._sealed(bytes((key.code,)) + self._data[key.begin : key.end])
        self._take(key.database, len(value), "RESTORE", key.name, key.expires or 0, value, "ABSTTL")
        self.count += 1
        self.bytes += key.end - key.begin

    def _sealed(self, body: bytes) -> bytes:
        """As DUMP gives a value: with the format's version and a checksum."""
        body += self._version
        return body + checksum(body).to_bytes(8, "little")

    def _take(self, database: int, size: int, *command: str | bytes | int) -> None:
        if database != self._database:
            self._send()
            self._database = database
            if database not in self._clients:
                self._clients[database] = self._stack.enter_context(self._server.client(database))
            self._pipeline = self._clients[database].pipeline(transaction=False)
        if self._pipeline is not None:
            self._pipeline.execute_command(*command)
        self._waiting += 1
        self._waiting_bytes += size
        if self._waiting >= _BATCH_KEYS or self._waiting_bytes >= _BATCH_BYTES:
            self._send()

    def _send(self) -> None:
        if self._pipeline is None or not self._waiting:
            return
        self._waiting = self._waiting_bytes = 0
        for answer in self._pipeline.execute(raise_on_error=False):
            if isinstance(answer, native.ResponseError):
                raise _refused(self._server, answer)


def _refused(server: Server, error: native.ResponseError) -> RecoveryFailed | TargetRefused:
    text = said(error)
    if "BUSYKEY" in text:
        return TargetRefused(
            f"{server} is being written to by somebody else", text, "Stop the application, FLUSHALL, and run it again."
        )
    hint = "Its own message says why. Empty it (FLUSHALL) before the next attempt."
    if any(word in text for word in ("DUMP payload version", "Bad data format", "unknown command")):
        hint = "It is older than the Redis that was backed up, or lacks a module: use one of that version or newer."
    elif text.startswith("OOM") or isinstance(error, native.OutOfMemoryError):
        hint = "Raise its maxmemory, empty it (FLUSHALL), and run it again."
    return RecoveryFailed(f"{server} did not take all keys", text, hint)


def _compare(server: Server, expected: Expected) -> None:
    with ExitStack() as stack:
        counts = dict(server.state().keys)
        wrong = [*expected.wrong_counts(counts)]
        wrong += islice(expected.wrong_keys(lambda database: stack.enter_context(server.client(database))), _SHOWN)
    if wrong:
        raise RecoveryFailed(
            f"{server} does not hold what was put back",
            "; ".join(wrong),
            "Is somebody writing, or does its maxmemory evict keys? Empty it (FLUSHALL) and run it again.",
        )
