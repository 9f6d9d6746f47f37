"""Redis: a restored copy brought into a running server, key by key, and never over anything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.components.protocol import Laid, PutsBack
from dr.components.redis import Component
from dr.components.redis.checksum import checksum
from dr.errors import RecoveryFailed, TargetRefused
from dr.operations.component.restore import RestoredComponent
from tests.integration.components.redis_server import Held, RedisServer, contents, fill, redis_server, same
from tests.integration.components.shelf import Shelf

Lost = tuple[RestoredComponent, tuple[dict[bytes, Held], dict[bytes, Held]]]


@pytest.fixture
def target(tmp_path: Path) -> Iterator[RedisServer]:
    """An empty Redis that writes a log of changes."""
    with redis_server(tmp_path / "target", "--appendonly", "yes") as running:
        yield running


@pytest.fixture
def lost(shelf: Shelf, tmp_path: Path) -> Lost:
    """A restored copy, and what the server held that is no more."""
    with redis_server(tmp_path / "redis") as server:
        fill(server)
        held = contents(server)
        backed_up = shelf.with_components(redis=server.settings())
        backed_up.back_up(Kind.REDIS)
    return backed_up.restore(Kind.REDIS), held


def put_back(shelf: Shelf, target: RedisServer, restored: RestoredComponent, *wanted: str) -> Laid:
    """As a procedure does it."""
    component = Component(shelf.with_components(redis=target.settings()).system)
    assert isinstance(component, PutsBack)
    return component.put_back(restored.manifest, Path(restored.directory), wanted)


def test_an_empty_server_gets_everything_back_while_it_runs(shelf: Shelf, target: RedisServer, lost: Lost) -> None:
    """Keys, types, values and expiries are those of the lost one."""
    restored, held = lost
    laid = put_back(shelf, target, restored)
    found = contents(target)

    assert laid.count == 16
    assert laid.notes == ()
    assert same(held[0], found[0])
    assert same(held[1], found[1])


def test_one_database_alone_can_be_put_back(shelf: Shelf, target: RedisServer, lost: Lost) -> None:
    """``db3`` comes, the others do not."""
    restored, held = lost
    laid = put_back(shelf, target, restored, "db3")
    found = contents(target)

    assert laid.count == 2
    assert found[0] == {}
    assert same(held[1], found[1])


def test_a_server_that_holds_a_key_is_refused_and_left_as_it_is(shelf: Shelf, target: RedisServer, lost: Lost) -> None:
    """Whatever the database it is in."""
    target.client(7).set("somebody's", "value")

    with pytest.raises(TargetRefused, match="db7 1 keys"):
        put_back(shelf, target, lost[0])

    assert target.client().dbsize() == 0
    assert target.client(7).get("somebody's") == b"value"


def test_a_replica_is_refused(shelf: Shelf, target: RedisServer, lost: Lost) -> None:
    """What is written there would be thrown away by its master."""
    target.client().replicaof("127.0.0.1", 1)

    with pytest.raises(TargetRefused, match="replica"):
        put_back(shelf, target, lost[0])


@pytest.mark.parametrize(
    ("policy", "said"), [("noeviction", "did not take all keys"), ("allkeys-lru", "does not hold what was put back")]
)
def test_a_server_too_small_for_the_copy_is_never_called_recovered(
    shelf: Shelf, target: RedisServer, tmp_path: Path, policy: str, said: str
) -> None:
    """It refuses keys, or takes them and throws others out: both are failures with a way out."""
    with redis_server(tmp_path / "large") as server:
        for number in range(600):
            server.client().set(f"large {number}", os.urandom(20_000))
        backed_up = shelf.with_components(redis=server.settings())
        backed_up.back_up(Kind.REDIS)
    client = target.client()
    client.config_set("maxmemory-policy", policy)
    client.config_set("maxmemory", client.info()["used_memory"] + (9 << 20))

    with pytest.raises(RecoveryFailed, match=said) as error:
        put_back(shelf, target, backed_up.restore(Kind.REDIS))

    assert "maxmemory" in error.value.hint


def test_a_server_older_than_the_copy_takes_nothing_and_says_so(shelf: Shelf, target: RedisServer, lost: Lost) -> None:
    """Values sealed with RDB version 99 are refused at the first, with what to do, and no value in the message."""
    restored = lost[0]
    file = Path(restored.directory) / "dump.rdb"
    data = b"REDIS0099" + file.read_bytes()[9:-8]
    file.write_bytes(data + checksum(data).to_bytes(8, "little"))

    with pytest.raises(RecoveryFailed, match="older than the Redis") as error:
        put_back(shelf, target, restored)

    assert "hello" not in str(error.value)
    assert target.client().dbsize() == 0
