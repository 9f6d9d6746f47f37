"""A Redis's whole content at one moment, as it gives it to a new replica.

The master announces either the snapshot's length, or a mark of 40 bytes that will follow it when it writes straight
from its memory to us (``repl-diskless-sync``). A stream that ends before either was kept is no snapshot.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from socket import socket

from redis import exceptions as native
from redis.connection import AbstractConnection

from dr.components.redis.server import SILENT_SECONDS, Server
from dr.errors import PrivilegeMissing, ServerUnreachable, SourceBusy, SourceError

_ASK = b"*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n"
_RECEIVE_BYTES = 1 << 18
_LINE_BYTES = 4096
_MARK_BYTES = 40
_FULL = re.compile(rb"\+FULLRESYNC ([0-9a-f]{40}) (-?\d+)")
_MANNERS = (("capa", "eof"), ("rdb-only", "1"))
"""The mark is understood; no changes are wanted after it (older servers do not know the second, and lose nothing)."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """``offset`` in the history ``replication_id`` is the moment that ``chunks`` show."""

    replication_id: str
    offset: int
    chunks: Iterator[bytes]


@contextmanager
def snapshot(server: Server) -> Iterator[Snapshot]:
    """Ask for a full copy. The iterator raises ``ServerUnreachable`` when the stream is cut before its end."""
    with server.connection() as connection:
        with server.speaking():
            for manner in _MANNERS:
                _declare(connection, manner)
            # redis-py would gather the whole answer in memory, so from here on the socket is read by us.
            plain = connection._get_socket()
            if plain is None:
                raise ServerUnreachable(f"{server} closed the connection", hint="Run it again.")
            plain.settimeout(SILENT_SECONDS)
            plain.sendall(_ASK)
        incoming = Incoming(server, plain)
        replication_id, offset = begun(server, incoming.line())
        yield Snapshot(replication_id, offset, incoming.payload())


def _declare(connection: AbstractConnection, manner: tuple[str, str]) -> None:
    connection.send_command("REPLCONF", *manner)
    try:
        connection.read_response()
    except native.NoPermissionError:
        raise
    except native.ResponseError:
        return  # not known there: it can do without


def begun(server: Server, line: bytes) -> tuple[str, int]:
    found = _FULL.fullmatch(line)
    if found is not None:
        return found[1].decode(), int(found[2])
    text = line.decode(errors="replace")
    if text.startswith("-NOPERM") or "unknown command" in text.lower():
        raise PrivilegeMissing(
            f"{server} gives this user no replication stream",
            text,
            "Allow it: ACL SETUSER name +psync +replconf. A managed Redis never does: use its own snapshots, or "
            "redis.local_dump where Redis runs on this host.",
        )
    if text.startswith(("-NOMASTERLINK", "-LOADING", "-MASTERDOWN")):
        raise SourceBusy(f"{server} cannot give a copy now", text, "Wait until it has its data, then run again.")
    raise SourceError(f"{server} gives no full copy", text, "Its own message says why.")


class Incoming:
    """What comes over the connection: lines first, then the snapshot."""

    def __init__(self, server: Server, source: socket) -> None:
        self._server = server
        self._source = source
        self._rest = b""
        self._count = 0

    def _receive(self) -> bytes:
        with self._server.speaking():
            data = self._source.recv(_RECEIVE_BYTES)
        if not data:
            raise ServerUnreachable(
                f"{self._server} broke off after {self._count} bytes of its copy",
                hint="Look into its log: it died, its disk or memory is full, or the copy took longer than "
                "client-output-buffer-limit replica and repl-timeout allow.",
            )
        return data

    def line(self) -> bytes:
        """The next line that says something: empty ones only keep the connection alive."""
        while True:
            line, found, rest = self._rest.partition(b"\n")
            if found:
                self._rest = rest
                if line.strip():
                    return line.strip()
            elif len(self._rest) > _LINE_BYTES:
                raise SourceError(f"{self._server} does not speak the replication protocol", hint="Is it a Redis?")
            else:
                self._rest += self._receive()

    def payload(self) -> Iterator[bytes]:
        head = self.line()
        mark = head.removeprefix(b"$EOF:")
        if mark != head and len(mark) == _MARK_BYTES:
            return self._until(mark)
        if not head.startswith(b"$") or not head[1:].isdigit():
            raise _no_copy(self._server, head)
        return self._exactly(int(head[1:]))

    def _pieces(self) -> Iterator[bytes]:
        data, self._rest = self._rest, b""
        while True:
            if data:
                self._count += len(data)
                yield data
            data = self._receive()

    def _exactly(self, count: int) -> Iterator[bytes]:
        pieces = self._pieces()
        while count > 0:
            data = next(pieces)
            yield data[:count]
            count -= len(data)

    def _until(self, mark: bytes) -> Iterator[bytes]:
        """The mark is no data: as many bytes are held back as might be the mark."""
        held = b""
        for data in self._pieces():
            held += data
            if held.endswith(mark):
                yield held[:-_MARK_BYTES]
                return
            yield held[:-_MARK_BYTES]
            held = held[-_MARK_BYTES:]


def _no_copy(server: Server, head: bytes) -> SourceError:
    text = head[:200].decode(errors="replace")
    return SourceError(f"{server} could not make its copy", text, "Look into its log: fork or disk failed.")
