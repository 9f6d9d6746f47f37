"""The WAL index in stores: written whole, read in one go, and what is damaged or silent is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from dr.catalog import labels
from dr.errors import BackupInvalid
from dr.storage.local import LocalStore
from dr.storage.wal_catalogue import WalCatalogue
from tests.unit.catalog.wal_examples import SYSTEM, blocks, history, lsn
from tests.unit.operations.places import block as make_unusable


@pytest.fixture
def catalogue(tmp_path: Path) -> WalCatalogue:
    """Two empty stores."""
    return WalCatalogue(SYSTEM, [LocalStore(name, tmp_path / name) for name in ("one", "two")])


def test_records_are_read_back_as_written(catalogue: WalCatalogue) -> None:
    """Log files of two timelines and a history; each store by itself."""
    written = [*blocks(1, [1, 255, 256, 600]), *blocks(2, [600, 601])]
    for item in written:
        catalogue.write_block("one", item)
    catalogue.write_history("one", history(2, (1, lsn(600))))

    found, empty = catalogue.read_all()

    assert found.blocks == tuple(written)
    assert found.histories == {2: history(2, (1, lsn(600)))}
    assert (found.unreadable, found.error) == ((), None)
    assert (empty.store, empty.blocks, empty.histories) == ("two", (), {})
    assert list(catalogue.block_names("one")) == [(1, 0), (1, 1), (1, 2), (2, 2)]
    assert catalogue.read_block("one", 1, 1) == written[1]
    assert catalogue.read_block("two", 1, 1) is None
    assert catalogue.read_history("one", 2) == history(2, (1, lsn(600)))
    assert catalogue.read_history("one", 3) is None


def test_a_record_is_replaced_by_the_newer_one(catalogue: WalCatalogue) -> None:
    """As segments are added."""
    (first,) = blocks(1, [1])
    (second,) = blocks(1, [1, 2])
    catalogue.write_block("one", first)
    catalogue.write_block("one", second)

    assert catalogue.read("one").blocks == (second,)


def test_a_damaged_record_is_named_and_the_others_are_read(catalogue: WalCatalogue) -> None:
    """One bad record of hundreds must not make the rest useless."""
    good, bad = blocks(1, [1, 300])
    catalogue.write_block("one", good)
    key = labels.wal_block_key(SYSTEM, 1, bad.log)
    catalogue.stores["one"].put_bytes(key, b"garbage")

    found = catalogue.read("one")

    assert found.blocks == (good,)
    assert len(found.unreadable) == 1
    assert key in found.unreadable[0]
    with pytest.raises(BackupInvalid, match="not a record"):
        catalogue.read_block("one", 1, bad.log)


def test_a_record_of_another_place_is_not_believed(catalogue: WalCatalogue) -> None:
    """A copy of log file 0 under the name of log file 1 would claim segments that are not there."""
    (first,) = blocks(1, [1])
    catalogue.write_block("one", first)
    data = catalogue.stores["one"].read_bytes(labels.wal_block_key(SYSTEM, 1, 0))
    catalogue.stores["one"].put_bytes(labels.wal_block_key(SYSTEM, 1, 1), data)

    found = catalogue.read("one")

    assert found.blocks == (first,)
    assert len(found.unreadable) == 1


def test_a_store_that_cannot_be_asked_is_named(tmp_path: Path, catalogue: WalCatalogue) -> None:
    """With its error; the other store is read all the same."""
    (record,) = blocks(1, [1])
    catalogue.write_block("two", record)
    make_unusable(tmp_path / "one" / SYSTEM / "wal-index")

    silent, found = catalogue.read_all()

    assert silent.error is not None
    assert found.blocks == (record,)


def test_strange_objects_beside_the_index_are_left_alone(catalogue: WalCatalogue) -> None:
    """An operator's note among the records is neither a log file nor a crash."""
    catalogue.stores["one"].put_bytes(f"{labels.wal_index_prefix(SYSTEM)}README.txt", b"hands off")
    catalogue.stores["one"].put_bytes(f"{labels.wal_index_prefix(SYSTEM, 1)}notes.json", b"{}")
    (record,) = blocks(1, [1])
    catalogue.write_block("one", record)

    assert list(catalogue.block_names("one")) == [(1, 0)]
    assert catalogue.read("one").blocks == (record,)
