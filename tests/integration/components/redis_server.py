"""Real Redis servers for tests: each a process on a port of this host, with a password, killed for real."""

from __future__ import annotations

import contextlib
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from dr.components.redis.programs import servers
from dr.configuration.components.redis import RedisSettings
from dr.pipeline.process import Child
from dr.secret import Secret


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A running server; ``directory`` is its ``dir``."""

    child: Child
    directory: Path
    port: int
    password: str

    @property
    def url(self) -> Secret:
        return Secret(f"redis://:{self.password}@127.0.0.1:{self.port}")

    def settings(self, **more: object) -> RedisSettings:
        return RedisSettings(url=self.url, **more)  # type: ignore[arg-type]

    def client(self, database: int = 0) -> redis.Redis:
        return redis.Redis(port=self.port, password=self.password, db=database, protocol=2)

    def kill(self) -> None:
        """The machine is gone."""
        self.child.signal(signal.SIGKILL)
        self.child.wait(10)


@contextmanager
def redis_server(directory: Path, *options: str) -> Iterator[RedisServer]:
    """On what lies in ``directory``; saves nothing by itself unless ``options`` say so."""
    found = servers()
    if not found:
        pytest.skip("not applicable: there is no redis-server for this platform")
    directory.mkdir(exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    password = secrets.token_hex(8)
    configuration = directory.with_name(f"{directory.name}.conf")
    configuration.write_text(
        f'requirepass {password}\nport {port}\nbind 127.0.0.1\ndir "{directory}"\nsave ""\nrepl-diskless-sync-delay 0\n'
    )
    argv: tuple[str | Path, ...] = (found[0].path, configuration, *options)
    with Child("redis-server", argv, stdout=subprocess.DEVNULL) as child:
        server = RedisServer(child, directory, port, password)
        _wait(server)
        yield server


def _wait(server: RedisServer) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with contextlib.suppress(redis.ConnectionError, redis.TimeoutError):
            server.client().ping()
            return
        time.sleep(0.02)
    raise TimeoutError(f"the Redis of {server.directory} does not come up: {server.child.poll()}")


def fill(server: RedisServer) -> None:
    """Every type, small and large, names that are no text, expiries, and a second database."""
    client = server.client()
    client.set("greeting", "hello")
    client.set("12345", "67")
    client.set(b"\x00\xff\r\n$bin", bytes(range(256)))
    client.set("repeated" * 30, "x" * 5000)
    client.set("session", "of somebody", ex=5000)
    client.rpush("list:small", *range(20))
    client.rpush("list:large", *[secrets.token_bytes(90) for _ in range(500)])
    client.sadd("set:numbers", *range(10))
    client.sadd("set:large", *[f"member {number}" for number in range(700)])
    client.zadd("zset:small", {"a": 1, "b": float("inf"), "c": -2.5})
    client.zadd("zset:large", {f"member {number}": number / 3 for number in range(700)})
    client.hset("hash:small", mapping={"a": "1", "b": "two"})
    client.hset("hash:large", mapping={f"field {number}": "v" * number for number in range(300)})
    for number in range(150):
        client.xadd("stream", {"number": number, "what": "event"})
    client.xgroup_create("stream", "readers", id="0")
    client.xreadgroup("readers", "one", {"stream": ">"}, count=5)
    other = server.client(3)
    other.set("in three", "3", ex=7000)
    other.set("also", "3")


@dataclass(frozen=True, slots=True)
class Held:
    """One key as an application sees it; ``expires`` in seconds since 1970."""

    kind: bytes
    value: object
    expires: float | None


def content(client: redis.Redis) -> dict[bytes, Held]:
    """Every key of one database."""
    read = {
        b"string": lambda key: client.get(key),
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": lambda key: sorted(client.smembers(key)),
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        b"hash": lambda key: sorted(client.hgetall(key).items()),
        b"stream": lambda key: (client.xrange(key), client.xpending(key, "readers")),
    }
    found: dict[bytes, Held] = {}
    for key in client.scan_iter():
        kind, left = client.type(key), client.pttl(key)
        assert isinstance(kind, bytes)
        found[key] = Held(kind, read[kind](key), None if left < 0 else time.time() + left / 1000)
    return found


def contents(server: RedisServer) -> tuple[dict[bytes, Held], dict[bytes, Held]]:
    """What databases 0 and 3 hold."""
    return content(server.client()), content(server.client(3))


def same(one: dict[bytes, Held], other: dict[bytes, Held]) -> bool:
    """Equal, with a second's difference in an expiry."""
    if one.keys() != other.keys():
        return False
    for key, held in one.items():
        found = other[key]
        if (held.kind, held.value, held.expires is None) != (found.kind, found.value, found.expires is None):
            return False
        if held.expires is not None and found.expires is not None and abs(held.expires - found.expires) > 1:
            return False
    return True


@contextmanager
def tls_relay(server: RedisServer, directory: Path) -> Iterator[tuple[int, Path]]:
    """TLS in front of a server, by a process of its own: the port, and the certificate to trust."""
    certificate, key = directory / "relay.pem", directory / "relay.key"
    name = ("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1")
    made = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    done = subprocess.run((*made, *name, "-keyout", key, "-out", certificate), capture_output=True)
    assert done.returncode == 0, done.stderr
    script = Path(__file__).with_name("tls_relay.py")
    argv = (sys.executable, script, certificate, key, str(server.port))
    with Child("tls relay", argv, stdout=subprocess.PIPE) as child:
        yield int(child.stdout.readline()), certificate
