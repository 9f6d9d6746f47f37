"""Redis: what a drill says of restored files that are good, bad, or too new for this host."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.catalog.manifest import ComponentContents
from dr.components.redis.checksum import checksum
from dr.components.redis.question import look
from dr.components.redis.server import state_of
from dr.operations.component.restore import RestoredComponent
from dr.policy.drill_verdict import Answer
from tests.integration.components.redis_server import RedisServer, fill, redis_server
from tests.integration.components.shelf import Shelf, failed


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis with something of everything."""
    with redis_server(tmp_path / "redis") as running:
        fill(running)
        yield running


def file_of(restored: RestoredComponent) -> Path:
    """The restored file."""
    return Path(restored.directory) / "dump.rdb"


def sealed(data: bytes) -> bytes:
    """An RDB file whose end was replaced by a right checksum."""
    return data[:-8] + checksum(data[:-8]).to_bytes(8, "little")


def test_keys_that_expired_since_are_no_loss(shelf: Shelf, server: RedisServer) -> None:
    """The drill comes after the time of some keys: it neither misses them nor takes others' absence for it."""
    for number in range(50):
        server.client().set(f"short {number}", "x", px=800)
    shelf = shelf.with_components(redis=server.settings())
    shelf.back_up(Kind.REDIS)
    restored = shelf.restore(Kind.REDIS)
    time.sleep(0.9)
    probes = shelf.question(Kind.REDIS, restored)

    assert shelf.contents(Kind.REDIS).items[0].count == 64
    assert not failed(probes), probes
    assert "16 keys in 2 databases" in next(probe.detail for probe in probes if probe.name == "number of keys")


def test_another_servers_file_is_not_taken_for_the_backup(shelf: Shelf, server: RedisServer) -> None:
    """A whole RDB file that holds one key less is called by its name."""
    shelf = shelf.with_components(redis=server.settings())
    shelf.back_up(Kind.REDIS)
    restored = shelf.restore(Kind.REDIS)
    server.client().delete("hash:large")
    server.client().save()
    shutil.copy(server.directory / "dump.rdb", file_of(restored))

    [wrong] = failed(shelf.question(Kind.REDIS, restored))

    assert wrong.answer is Answer.FAILED
    assert "db0 holds 13 keys" in wrong.detail


def test_a_damaged_file_fails_the_drill(shelf: Shelf, server: RedisServer) -> None:
    """A byte that rotted after the restore: the checksum that Redis wrote says so."""
    shelf = shelf.with_components(redis=server.settings())
    shelf.back_up(Kind.REDIS)
    restored = shelf.restore(Kind.REDIS)
    data = bytearray(file_of(restored).read_bytes())
    data[data.index(b"hello")] ^= 1
    file_of(restored).write_bytes(data)

    assert [probe.answer for probe in shelf.question(Kind.REDIS, restored)] == [Answer.FAILED]


def test_a_file_that_no_server_loads_fails_the_drill(shelf: Shelf, server: RedisServer) -> None:
    """A packed set says it has one number more than it has, under a right checksum: a server can tell, and does."""
    shelf = shelf.with_components(redis=server.settings())
    shelf.back_up(Kind.REDIS)
    restored = shelf.restore(Kind.REDIS)
    data = file_of(restored).read_bytes()
    ten_numbers_of_two_bytes = b"\x02\x00\x00\x00\x0a\x00\x00\x00"
    assert data.count(ten_numbers_of_two_bytes) == 1
    file_of(restored).write_bytes(sealed(data.replace(ten_numbers_of_two_bytes, b"\x02\x00\x00\x00\x0b\x00\x00\x00")))

    wrong = failed(shelf.question(Kind.REDIS, restored))

    assert [probe.answer for probe in wrong] == [Answer.FAILED]
    assert wrong[0].name == "boots"


@pytest.mark.incident("I1")
def test_a_file_of_a_newer_redis_than_is_here_is_unproven_and_not_called_bad(shelf: Shelf, server: RedisServer) -> None:
    """RDB version 99: this host's server refuses it, which says nothing of the backup."""
    shelf = shelf.with_components(redis=server.settings())
    shelf.back_up(Kind.REDIS)
    restored = shelf.restore(Kind.REDIS)
    file_of(restored).write_bytes(sealed(b"REDIS0099" + file_of(restored).read_bytes()[9:]))
    restored.manifest.component.facts["rdb version"] = "99"  # type: ignore[index,union-attr]

    probes = shelf.question(Kind.REDIS, restored)

    assert [probe.answer for probe in probes] == [Answer.PASSED, Answer.UNPROVEN]
    assert probes[1].essential
    assert "older than the Redis" in probes[1].detail


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("DEL", "greeting"), "db0 has 13 keys, not 14"),
        (("RENAME", "greeting", "farewell"), "a string of db0: is missing"),
        (("LPUSH", "list:small", "x"), ""),
        (("APPEND", "greeting", "x"), "a string of db0: has the size 6, not 5"),
        (("EXPIRE", "session", "5030"), "a string of db0: expires 30 s off its time"),
        (("PERSIST", "session"), "a string of db0: has no expiry"),
        (("EXPIRE", "stream", "100"), "a stream of db0: has an expiry"),
        (("SINTERSTORE", "greeting", "set:numbers"), "a string of db0: is a set"),
    ],
)
def test_what_a_server_holds_is_compared_key_by_key(
    server: RedisServer, tmp_path: Path, change: tuple[str, ...], said: str
) -> None:
    """One change after the file was written, and it is named; a packed list's length alone is not known."""
    server.client().save()
    looked = look(ComponentContents(datetime.now(UTC)), server.directory / "dump.rdb")
    server.client().execute_command(*change)
    counts = dict(state_of(server.client().info()).keys)
    wrong = [*looked.expected.wrong_counts(counts), *looked.expected.wrong_keys(server.client)]

    assert (wrong[0] if wrong else "") == said
