"""The shop's Redis: sessions, carts, queues and counters, in two databases, behind a password."""

from __future__ import annotations

import dataclasses
import json
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import cast

from redis import Redis

from dr.catalog.labels import Kind
from dr.components.redis.programs import Program
from dr.components.redis.server import Server
from dr.configuration.components import ComponentSettings
from dr.configuration.components.redis import RedisSettings
from dr.configuration.model import System
from dr.demo.beside.part import Compared, Room, some
from dr.demo.ports import LOOPBACK, reserved_port
from dr.errors import ServerUnreachable, ToolError
from dr.operations.component.restore import RestoredComponent, put_back_component
from dr.pipeline.process import Child
from dr.secret import Secret

_DATABASES = (0, 3)
_SESSIONS, _CARTS = 2000, 300
_BOOT_SECONDS = 20
_LONGEST_SECONDS = 5 * 24 * 3600
_CONFIGURATION = """\
bind {address}
port {port}
requirepass {password}
dir {directory}
appendonly yes
repl-diskless-sync yes
repl-diskless-sync-delay 0
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Held:
    """One key as an application sees it. ``expires`` in whole seconds since 1970, None for never."""

    kind: str
    value: object
    expires: int | None

    def same(self, other: Held) -> bool:
        """Equal, with a second's difference in an expiry: it is told as time that is left."""
        if self.expires is None or other.expires is None:
            return self == other
        return (self.kind, self.value) == (other.kind, other.value) and abs(self.expires - other.expires) <= 1


class RedisPart:
    """A server of our own. It ends with the thread that has begun it."""

    kind = Kind.REDIS

    def __init__(self, room: Room, program: Program, port: int) -> None:
        self._program = program
        self._port = port
        self.directory = room.directory / "redis"
        self._password = secrets.token_hex(18)
        self.settings = RedisSettings(url=Secret(f"redis://:{self._password}@{LOOPBACK}:{port}"))
        self._server = Server(self.settings)
        self._child: Child | None = None
        self._before: Mapping[tuple[int, bytes], Held] = {}

    @property
    def pids(self) -> tuple[int | None, ...]:
        return (self._child.process.pid if self._child is not None else None,)

    def settle(self, components: ComponentSettings) -> ComponentSettings:
        return dataclasses.replace(components, redis=self.settings)

    def fill(self) -> None:
        with self._server.client(0) as client:
            _fill(client)
        with self._server.client(3) as client:
            for number in range(50):
                client.set(f"rate:{number}", number, ex=_LONGEST_SECONDS)
            client.set("maintenance", "off")
        self._before = self._now()

    def destroy(self) -> None:
        """The host is gone: the server is killed, and what it had written to its disk with it."""
        self.end()
        shutil.rmtree(self.directory)

    def make_ready(self) -> None:
        """A fresh server, empty, at the same address."""
        self.begin()

    def bring_back(self, system: System, restored: RestoredComponent) -> None:
        put_back_component(system, restored)

    def compare(self) -> Compared:
        now = self._now()
        problems = [
            f"key {key!a} of db{database} {_odd(self._before.get((database, key)), now.get((database, key)))}"
            for database, key in sorted(self._before.keys() | now.keys())
            if not _same(self._before.get((database, key)), now.get((database, key)))
        ]
        return Compared(f"{len(now):,} keys in {len({database for database, _ in now})} databases", some(problems))

    def begin(self) -> None:
        """Start it on whatever lies in its directory, and wait until it answers."""
        self.directory.mkdir(mode=0o700, exist_ok=True)
        self._child = Child("redis-server", (self._program.path, "-"), stdin=subprocess.PIPE)
        # By its standard input: its password is to be in no argv and in no file.
        self._child.stdin.write(self.configuration().encode())
        self._child.close_stdin()
        deadline = time.monotonic() + _BOOT_SECONDS
        while not self._answers():
            ended = self._child.poll()
            if ended is not None or time.monotonic() > deadline:
                said = str(ended) if ended is not None else self._child.stderr_so_far()
                raise ToolError("the demo's Redis does not start", said, "Run redis-server by hand.")
            time.sleep(0.02)

    def configuration(self) -> str:
        """What the server is told, its password too."""
        return _CONFIGURATION.format(
            address=LOOPBACK, port=self._port, password=self._password, directory=_quoted(str(self.directory))
        )

    def end(self) -> None:
        """SIGKILL: nothing is written any more."""
        if self._child is not None:
            self._child.close()
            self._child = None

    def _answers(self) -> bool:
        try:
            with self._server.client() as client:
                return bool(client.ping())
        except ServerUnreachable:
            return False

    def _now(self) -> dict[tuple[int, bytes], Held]:
        found: dict[tuple[int, bytes], Held] = {}
        for database in _DATABASES:
            with self._server.client(database) as client:
                found |= {(database, key): held for key, held in _content(client)}
        return found


@contextmanager
def serving_redis(room: Room, program: Program) -> Iterator[RedisPart]:
    """An empty Redis that runs; afterwards it has ended."""
    with reserved_port() as port:
        part = RedisPart(room, program, port)
        try:
            part.begin()
            yield part
        finally:
            part.end()


def _fill(client: Redis) -> None:
    """Every type, small and large, a name that is no text, and keys that expire."""
    with client.pipeline(transaction=False) as pipe:
        for number in range(_SESSIONS):
            left = 3600 + number * (_LONGEST_SECONDS // _SESSIONS)
            pipe.set(f"session:{number:05d}", secrets.token_hex(16), ex=left)
        for number in range(_CARTS):
            pipe.hset(f"cart:{number}", mapping={f"article {item}": item + 1 for item in range(1 + number % 7)})
        pipe.rpush("queue:mail", *(f"mail {number}" for number in range(500)))
        pipe.sadd("visitors", *range(400))
        pipe.sadd("tags", "größe", "日付", "plain")
        pipe.zadd("bestsellers", {f"article {number}": number / 3 for number in range(300)})
        for number in range(150):
            pipe.xadd("orders", {"number": number, "what": "placed"})
        pipe.xgroup_create("orders", "billing", id="0")
        pipe.incrby("counter:orders", 4711)
        pipe.set(b"\x00\xff\r\nno text", bytes(range(256)))
        pipe.execute()
        client.xreadgroup("billing", "worker", {"orders": ">"}, count=5)


def _content(client: Redis) -> Iterator[tuple[bytes, Held]]:
    read: Mapping[str, Callable[[bytes], object]] = {
        "string": client.get,
        "list": lambda key: client.lrange(key, 0, -1),
        "set": lambda key: sorted(cast("set[bytes]", client.smembers(key))),
        "zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        "hash": lambda key: sorted(cast("dict[bytes, bytes]", client.hgetall(key)).items()),
        "stream": lambda key: (client.xrange(key), client.xinfo_groups(key)),
    }
    for key in client.scan_iter(count=1000):
        kind, left = cast("bytes", client.type(key)).decode(), client.pttl(key)
        yield key, Held(kind, read[kind](key), None if left < 0 else round(time.time() + left / 1000))


def _same(one: Held | None, other: Held | None) -> bool:
    return one is not None and other is not None and one.same(other)


def _odd(before: Held | None, after: Held | None) -> str:
    if before is None:
        return "is there and was not before"
    return "is missing" if after is None else "has another type, value or expiry"


def _quoted(text: str) -> str:
    """As Redis's configuration takes it: a JSON string is one, as long as letters are not spelt as numbers."""
    return json.dumps(text, ensure_ascii=False)
