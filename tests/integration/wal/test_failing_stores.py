"""Stores that lie, fail for a moment, or fail for good: the index says only what is there, and in order."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from dr.catalog import labels
from dr.catalog.wal_names import Segment, WalGeometry
from dr.crypto.gnupg import opened
from dr.errors import LeaseHeld
from dr.operations.wal.lanes import Lane, open_all, open_lanes
from dr.operations.wal.level_stores import Leveller
from dr.operations.wal.level_survey import survey
from dr.operations.wal.shipper import Shipper
from dr.operations.wal.spool import make_spool, scan
from dr.storage.faults import BitFlipped, CommitFails, Denied, FaultyStore, ReadCut, Unavailable
from dr.storage.lease import Holder, acquire
from dr.storage.local import LocalStore
from dr.storage.repository import Repository
from dr.storage.wal_catalogue import WalCatalogue
from tests.unit.crypto.keyrings import People

SIZE, PAGE, IDENTIFIER = 1 << 20, 8192, "7711499443231803732"
GEOMETRY = WalGeometry(SIZE)


def _segment(number: int) -> tuple[str, bytes]:
    """A segment as a server with segments of 1 MiB writes it, as far as its headers go."""
    data = bytearray(SIZE)
    for at in range(0, SIZE, PAGE):
        struct.pack_into("<HHIQ", data, at, 0xD116, 5, 1, number * SIZE + at)
        data[at + 40 : at + 48] = struct.pack("<Q", number * SIZE + at)
    struct.pack_into("<HHIQI4xQII", data, 0, 0xD116, 7, 1, number * SIZE, 0, int(IDENTIFIER), SIZE, PAGE)
    return str(GEOMETRY.segment(1, number)), bytes(data)


@dataclass(frozen=True, slots=True)
class Yard:
    """A spool, two stores that fail on demand, and a shipper between them."""

    spool: Path
    stores: tuple[FaultyStore, FaultyStore]
    repository: Repository
    lanes: tuple[Lane, ...]
    shipper: Shipper

    def put(self, *numbers: int) -> None:
        for number in numbers:
            name, data = _segment(number)
            (self.spool / name).write_bytes(data)

    def ship(self) -> bool:
        return self.shipper.ship_segments(scan(self.spool))

    def stored(self, store: int = 0) -> list[int]:
        """The segments that a store's index names, read without faults."""
        index = WalCatalogue("shop", [self.stores[store].inner]).read(self.stores[store].name)
        return [GEOMETRY.number(item.segment) for block in index.blocks for item in block.segments]

    @property
    def waiting(self) -> list[int]:
        return [GEOMETRY.number(file.segment) for file in scan(self.spool).segments if file.segment]


@contextmanager
def _yard(people: People, directory: Path) -> Iterator[Yard]:
    stores = (
        FaultyStore(LocalStore("a", directory / "a")),
        FaultyStore(LocalStore("b", directory / "b")),
    )
    repository = Repository("shop", stores)
    make_spool(directory / "spool")
    with (
        open_lanes(repository, Holder.here("test", "ship WAL"), IDENTIFIER) as lanes,
        opened(people.settings) as cipher,
    ):
        open_all(lanes)
        with Shipper("shop", IDENTIFIER, cipher, lanes, 2) as shipper:
            yield Yard(directory / "spool", stores, repository, lanes, shipper)


@pytest.fixture
def yard(people: People, tmp_path: Path) -> Iterator[Yard]:
    """All is well until a test arms a fault."""
    with _yard(people, tmp_path) as made:
        yield made


def _key(number: int) -> str:
    return labels.wal_key("shop", GEOMETRY.segment(1, number))


@pytest.mark.parametrize(
    "fault", [BitFlipped(200, ".zst.gpg"), ReadCut(50, silent=True, keys=".zst.gpg"), CommitFails(".zst.gpg")]
)
def test_a_store_that_does_not_give_back_what_it_got_gets_no_entry(yard: Yard, fault: BitFlipped) -> None:
    """Flipped, cut or lost: the other store has it, and that one is named."""
    yard.stores[0].arm(fault)
    yard.put(1, 2)

    assert yard.ship()
    assert (yard.stored(0), yard.stored(1)) == ([], [1, 2])
    assert yard.waiting == []
    assert yard.lanes[0].failure is not None


def test_nothing_leaves_the_spool_while_no_store_takes_it(yard: Yard) -> None:
    """And when one does again, everything is shipped, in order."""
    for store in yard.stores:
        store.arm(Denied(".zst.gpg"))
    yard.put(1, 2, 3)
    assert not yard.ship()
    assert (yard.stored(0), yard.stored(1), yard.waiting) == ([], [], [1, 2, 3])

    for store, lane in zip(yard.stores, yard.lanes, strict=True):
        store.disarm()
        lane.open()
    assert yard.ship()
    assert (yard.stored(0), yard.waiting) == ([1, 2, 3], [])


def test_no_segment_is_entered_before_the_one_before_it(yard: Yard) -> None:
    """The second one cannot be stored anywhere: those behind it are not entered, though their objects were stored."""
    for store in yard.stores:
        store.arm(Denied(_key(2)))
    yard.put(1, 2, 3, 4)

    assert not yard.ship()
    assert (yard.stored(0), yard.stored(1)) == ([1], [1])
    assert yard.waiting == [2, 3, 4]


def test_an_entry_that_cannot_be_written_keeps_the_segment_in_the_spool(yard: Yard) -> None:
    """The object alone is not enough: nobody would find it."""
    for store in yard.stores:
        store.arm(Denied("/wal-index/00000001/"))
    yard.put(1)

    assert not yard.ship()
    assert yard.waiting == [1]


def test_a_store_that_missed_some_is_levelled_with_the_same_objects(yard: Yard) -> None:
    """What it has already is not copied, what it lacks is, and the index is in order."""
    yard.put(1)
    yard.ship()
    yard.stores[1].arm(Unavailable(1, ".zst.gpg"))
    yard.put(2, 3)
    yard.ship()
    assert (yard.stored(0), 2 in yard.stored(1) and 3 in yard.stored(1)) == ([1, 2, 3], False)
    yard.lanes[1].open()
    leveller = Leveller(yard.repository, yard.lanes)
    leveller.take(survey(yard.repository, ("a", "b")))
    while leveller.go_on(1):
        pass

    assert yard.stored(1) == [1, 2, 3]
    for number in (2, 3):
        assert yard.stores[1].read_bytes(_key(number)) == yard.stores[0].read_bytes(_key(number))
    assert leveller.summary.missing == 0


def test_a_store_whose_lease_another_run_has_is_not_written_to(people: People, tmp_path: Path) -> None:
    """Not even as one of two: whoever holds it is at work there."""
    store = LocalStore("b", tmp_path / "b")
    other = Holder("another host", 1, "other", "receive WAL")
    with acquire(store, labels.lease_prefix("shop", "wal"), other), pytest.raises(LeaseHeld), _yard(people, tmp_path):
        raise AssertionError("it was let in")


def test_a_dead_process_of_this_host_is_waited_for_and_its_lease_never_taken_early(
    people: People, tmp_path: Path
) -> None:
    """The other stores are shipped to meanwhile."""
    store = LocalStore("b", tmp_path / "b")
    dead = Holder(Holder.here("x", "y").host, 2**22 - 1, "dead", "receive WAL")
    with acquire(store, labels.lease_prefix("shop", "wal"), dead), _yard(people, tmp_path) as yard:
        yard.put(1)
        assert yard.ship()
        assert (yard.stored(0), yard.stored(1)) == ([1], [])
        assert yard.lanes[1].failure is not None


def test_the_index_of_many_segments_is_one_record_per_log_file(yard: Yard) -> None:
    """4,096 segments of 1 MiB share one; the next log file begins another."""
    yard.put(4094, 4095, 4096, 4097)
    assert yard.ship()

    keys = [item.key for item in yard.stores[0].list(labels.wal_index_prefix("shop"))]
    assert keys == [labels.wal_block_key("shop", 1, 0), labels.wal_block_key("shop", 1, 1)]
    assert str(Segment(1, 1, 0)) in yard.stores[0].read_bytes(keys[1]).decode()
