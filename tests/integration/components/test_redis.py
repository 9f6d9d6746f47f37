"""Redis: copied as a replica copies it, killed, restored, booted, questioned."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.errors import ServerUnreachable
from dr.operations.component.restore import RestoredComponent
from dr.progress import Silent, reporting_to
from tests.integration.components.redis_server import RedisServer, contents, fill, redis_server, same
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


@pytest.mark.parametrize("diskless", ["no", "yes"])
def test_a_killed_redis_comes_back_with_every_key_type_and_expiry(
    shelf: Shelf, server: RedisServer, tmp_path: Path, diskless: str
) -> None:
    """Both forms of the stream give a file on which a fresh server has what the lost one had."""
    server.client().config_set("repl-diskless-sync", diskless)
    before = contents(server)
    shelf = shelf.with_components(redis=server.settings())
    published = shelf.back_up(Kind.REDIS)
    server.kill()

    restored = shelf.restore(Kind.REDIS)
    probes = shelf.question(Kind.REDIS, restored)
    with redis_server(Path(restored.directory)) as again:
        after = contents(again)

    assert published.level == "listed"
    assert published.stores == ("local", "second")
    assert not failed(probes), probes
    assert {probe.name for probe in probes} >= {"boots", "number of keys", "types, sizes and expiry times"}
    assert same(before[0], after[0])
    assert same(before[1], after[1])


def test_the_manifest_tells_the_moment_and_the_keys_and_no_secret(shelf: Shelf, server: RedisServer) -> None:
    """Version, run id, offset and counts are there; password and names of keys are not."""
    server.client().set("token:abcdefgh", "hunter2-value")
    begun = time.time()
    shelf = shelf.with_components(redis=server.settings())
    shelf.back_up(Kind.REDIS)
    found = shelf.contents(Kind.REDIS)
    info = server.client().info()
    stored = next((shelf.directory / "local").rglob("redis.manifest.json")).read_bytes()

    assert {item.name: item.count for item in found.items} == {"db0": 15, "db3": 2}
    assert found.items[1].detail == "2 string; 1 with an expiry"
    assert found.facts["server version"] == info["redis_version"]
    assert found.facts["run id"] == info["run_id"]
    assert found.facts["replication id"] == info["master_replid"]
    assert found.facts["keys before and after"] == "17, 17"
    assert abs(found.taken.timestamp() - begun) < 5
    assert found.warnings == ()
    for word in (server.password, "token:", "hunter2"):
        assert word.encode() not in stored


def test_the_file_is_private_and_the_notes_say_what_appendonly_does(
    shelf: Shelf, server: RedisServer, tmp_path: Path
) -> None:
    """Mode 0600; and a server with `appendonly yes` does begin empty on it, as the notes warn."""
    server.client().config_set("appendonly", "yes")
    shelf = shelf.with_components(redis=server.settings())
    shelf.back_up(Kind.REDIS)
    restored = shelf.restore(Kind.REDIS)
    notes = " ".join(restored.laid.notes)
    shutil.copytree(restored.directory, tmp_path / "appending")
    with redis_server(tmp_path / "appending", "--appendonly", "yes") as appending:
        keys = appending.client().dbsize()

    assert file_of(restored).stat().st_mode & 0o777 == 0o600
    assert "set `appendonly no`" in notes
    assert "CONFIG SET appendonly yes" in notes
    assert restored.laid.count == 16
    assert keys == 0


def test_an_empty_redis_is_backed_up_and_proven(shelf: Shelf, tmp_path: Path) -> None:
    """No keys is an answer, not a failure."""
    with redis_server(tmp_path / "redis") as empty:
        shelf = shelf.with_components(redis=empty.settings())
        shelf.back_up(Kind.REDIS)
    probes = shelf.question(Kind.REDIS, shelf.restore(Kind.REDIS))

    assert not failed(probes), probes
    assert shelf.contents(Kind.REDIS).items == ()


class KillsTheServer(Silent):
    """Pulls the plug after a megabyte has come through."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.bytes = 0

    def advance(self, step: str, count: int) -> None:
        self.bytes += count
        if self.bytes > 1 << 20 and self.server.child.poll() is None:
            self.server.kill()


@pytest.mark.parametrize("diskless", ["no", "yes"])
def test_a_server_killed_in_the_midst_of_its_copy_leaves_nothing_listed(
    shelf: Shelf, tmp_path: Path, diskless: str
) -> None:
    """The cut is noticed in both forms of the stream; the next run, on a living server, works."""
    place = tmp_path / "redis"
    with redis_server(place) as server:
        server.client().config_set("repl-diskless-sync", diskless)
        for number in range(24):
            server.client().set(f"large {number}", os.urandom(1 << 20))
        cut = shelf.with_components(redis=server.settings())
        with reporting_to(KillsTheServer(server)), pytest.raises(ServerUnreachable) as error:
            cut.back_up(Kind.REDIS)
    with redis_server(place) as server:
        fill(server)
        whole = shelf.with_components(redis=server.settings())
        left = (whole.files("local", Kind.REDIS), list((tmp_path / "local").rglob("*.manifest.json")))
        published = whole.back_up(Kind.REDIS)

    assert "broke off" in str(error.value) or "does not answer" in str(error.value)
    assert left == ([], [])
    assert published.level == "listed"


@pytest.mark.parametrize("harm", ["flip", "truncate"])
def test_a_damaged_copy_is_detected_and_the_other_stores_is_taken(shelf: Shelf, server: RedisServer, harm: str) -> None:
    """One byte flipped, or the last ones gone, in the first store."""
    shelf = shelf.with_components(redis=server.settings())
    shelf.back_up(Kind.REDIS)
    [stored] = shelf.files("local", Kind.REDIS)
    data = bytearray(stored.read_bytes())
    data[len(data) // 2] ^= 1
    stored.chmod(0o600)
    stored.write_bytes(data if harm == "flip" else data[: len(data) // 2])

    restored = shelf.restore(Kind.REDIS)

    assert restored.store == "second"
    assert "the copy in local could not be used" in restored.notes[0]
    assert not failed(shelf.question(Kind.REDIS, restored))
