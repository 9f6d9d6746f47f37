"""The fault wrapper fails as it is told, on a real store, and leaves that store as clean as a real fault must."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dr.errors import StoreDenied, StoreError, StoreFull, StoreUnavailable
from dr.storage.faults import BitFlipped, CommitFails, Denied, FaultyStore, FullAfter, ReadCut, Unavailable
from dr.storage.local import LocalStore
from dr.storage.probe import probe

DATA = os.urandom(300_000)


@pytest.fixture
def store(tmp_path: Path) -> FaultyStore:
    """A directory, wrapped."""
    return FaultyStore(LocalStore("local", tmp_path))


def _write(store: FaultyStore, key: str) -> None:
    with store.writer(key) as writer:
        for offset in range(0, len(DATA), 10_000):
            writer.write(DATA[offset : offset + 10_000])


def test_a_store_can_be_full_after_some_bytes(store: FaultyStore, tmp_path: Path) -> None:
    """Writing fails in the middle, and nothing stays behind; other keys and disarmed faults do no harm."""
    store.arm(FullAfter(size=100_000, keys=".sql"))

    with pytest.raises(StoreFull):
        _write(store, "a.sql.gz")
    with pytest.raises(StoreFull):
        store.create("b.sql", DATA)
    assert list(tmp_path.rglob("*")) == []
    _write(store, "c.tar")
    store.disarm()
    _write(store, "a.sql.gz")


def test_a_commit_can_fail(store: FaultyStore, tmp_path: Path) -> None:
    """Every byte is taken and nothing is stored."""
    store.arm(CommitFails())
    for call in (lambda: _write(store, "a"), lambda: store.put_bytes("b", b"x"), lambda: store.create("c", b"x")):
        with pytest.raises(StoreError):
            call()
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("after", [0, 5_000, 10_000, 299_999])
def test_a_read_can_be_cut(store: FaultyStore, after: int) -> None:
    """With an error, or silently as if that were all."""
    _write(store, "a")
    store.arm(ReadCut(after=after))
    got = bytearray()

    def read() -> None:
        for chunk in store.read("a", 10_000):
            got.extend(chunk)

    with pytest.raises(StoreUnavailable):
        read()
    assert bytes(got) == DATA[:after]
    store.disarm()
    store.arm(ReadCut(after=after, silent=True))
    assert store.read_bytes("a") == DATA[:after]


def test_a_probe_of_a_store_that_damages_objects_fails(store: FaultyStore) -> None:
    """Nothing is said of a store that does not give back what it was given."""
    store.arm(BitFlipped(offset=3))
    with pytest.raises(StoreError, match="gives back other bytes"):
        probe(store)


@pytest.mark.parametrize("offset", [0, 9_999, 10_000, 299_999])
def test_a_bit_can_be_flipped(store: FaultyStore, offset: int) -> None:
    """Exactly one bit, at the place asked for, whatever the size of a chunk."""
    _write(store, "a")
    store.arm(BitFlipped(offset=offset))
    for size in (10_000, 7_777, 1 << 20):
        got = b"".join(store.read("a", size))
        assert [i for i in range(len(DATA)) if got[i] != DATA[i]] == [offset]
        assert got[offset] ^ DATA[offset] == 1


def test_a_store_can_deny_everything(store: FaultyStore) -> None:
    """Each call is refused."""
    store.arm(Denied())
    for call in (
        lambda: store.put_bytes("a", b""),
        lambda: store.create("a", b""),
        lambda: store.head("a"),
        lambda: store.read_bytes("a"),
        lambda: list(store.list("")),
        lambda: store.delete("a"),
    ):
        with pytest.raises(StoreDenied):
            call()


def test_a_store_can_be_away_for_some_calls(store: FaultyStore) -> None:
    """The third call works again."""
    store.arm(Unavailable(times=2))
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            store.put_bytes("a", b"")
    store.put_bytes("a", b"")
