"""The window of a whole system: each store by itself, all together, and what is not as it should be."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from dr.catalog import labels
from dr.catalog.labels import Label, Method
from dr.catalog.wal_index import WalBlock
from dr.configuration.model import System
from dr.errors import BackupInvalid, StoreError
from dr.operations.wal.window import find_window
from dr.storage.wal_catalogue import WalCatalogue
from tests.unit.catalog.wal_examples import blocks, closed_at, history, lsn, partial, stored
from tests.unit.operations.places import NAME, base, block, put_backup, repository
from tests.unit.operations.places import system as make_system


@pytest.fixture
def system(tmp_path: Path) -> System:
    """Two stores."""
    return make_system(tmp_path, "local", "cloud")


def _put_base(system: System, number: int, *stores: str, parent: Label | None = None) -> Label:
    """A base backup that was made in the segment at a place, incremental when it has a parent."""
    when = closed_at(number) - timedelta(seconds=50)
    label = base(when) if parent is None else Label(when, base(when).kind, Method.INCREMENTAL)
    put_backup(
        system,
        label,
        *stores,
        timeline=1,
        begin_lsn=lsn(number, 40),
        end_lsn=lsn(number, 4096),
        server_end=when + timedelta(seconds=20),
        parent=str(parent) if parent else None,
    )
    return label


def _put_wal(system: System, store: str, *records: WalBlock) -> None:
    catalogue = WalCatalogue(NAME, repository(system).stores.values())
    for record in records:
        catalogue.write_block(store, record)


def test_each_store_has_its_window_and_together_they_have_more(system: System) -> None:
    """Either store lacks a segment that the other has; what only one has is counted."""
    _put_base(system, 1)
    _put_wal(system, "local", *blocks(1, [1, 2, 4, 5]))
    _put_wal(system, "cloud", *blocks(1, [1, 2, 3]))

    found = find_window(system)

    local, cloud = found.stores
    assert [item.end for item in found.together.intervals] == [closed_at(5)]
    assert [item.end for item in local.window.intervals] == [closed_at(2)]
    assert [item.end for item in cloud.window.intervals] == [closed_at(3)]
    assert (local.only_here, local.lacking, local.newest) == (2, 1, stored(1, 5).name)
    assert (cloud.only_here, cloud.lacking, cloud.newest) == (1, 2, stored(1, 3).name)
    assert cloud.lacking_since == stored(1, 4).stored_at
    assert local.window.broken
    assert not found.together.broken


def test_a_window_needs_the_backup_and_the_wal_in_one_store(system: System) -> None:
    """Backups here and WAL there: together a window, alone none."""
    _put_base(system, 1, "local")
    _put_wal(system, "cloud", *blocks(1, [1, 2], partials=[partial(1, 3, 9000)]))

    found = find_window(system)

    assert len(found.together.intervals) == 1
    assert [item.window.intervals for item in found.stores] == [(), ()]
    assert [item.window.lone_bases for item in found.stores] == [1, 0]
    assert found.stores[1].newest == f"{stored(1, 3).name}.partial"


def test_a_store_that_is_silent_is_named_and_the_other_is_told_of(tmp_path: Path, system: System) -> None:
    """Only when none answers is it an error."""
    _put_base(system, 1, "local")
    _put_wal(system, "local", *blocks(1, [1, 2]))
    block(tmp_path / "cloud" / NAME)

    found = find_window(system)

    assert [name for name, _ in found.silent] == ["cloud"]
    assert [item.store for item in found.stores] == ["local"]
    assert len(found.together.intervals) == 1

    (tmp_path / "local" / NAME).rename(tmp_path / "away")
    block(tmp_path / "local" / NAME)
    with pytest.raises(StoreError):
        find_window(system)


def test_damage_is_named(system: System) -> None:
    """A manifest and an index record that cannot be read, and two contents of one segment."""
    _put_base(system, 1)
    broken = _put_base(system, 3, "local")
    repository(system).store("local").put_bytes(labels.manifest_key(NAME, broken), b"garbage")
    (mine,) = blocks(1, [1, 2])
    other = mine.with_segments((stored(1, 2, plain_sha256="f" * 64),))
    _put_wal(system, "local", mine)
    _put_wal(system, "cloud", other)
    repository(system).store("cloud").put_bytes(labels.wal_block_key(NAME, 1, 9), b"garbage")

    found = find_window(system)

    assert len(found.unreadable) == 2
    assert found.disagreements == (f"{stored(1, 2).name} differs between local and cloud",)


def test_an_incremental_backup_counts_where_its_parents_are(system: System) -> None:
    """The cloud has the child without its parent: there it carries nothing."""
    full = _put_base(system, 1, "local")
    _put_base(system, 3, "local", "cloud", parent=full)
    for store in ("local", "cloud"):
        _put_wal(system, store, *blocks(1, range(1, 6)))

    local, cloud = find_window(system).stores

    assert [item.bases for item in local.window.intervals] == [2]
    assert cloud.window.intervals == ()
    assert cloud.window.broken == "there is no base backup that can be restored"


def test_two_clusters_under_one_name_are_refused(system: System) -> None:
    """Segments of two sizes can only be that."""
    small = WalBlock(NAME, "1", 1, 7, 1 << 20)
    _put_wal(system, "local", *blocks(1, [1]))
    _put_wal(system, "cloud", small)

    with pytest.raises(BackupInvalid, match="contradict"):
        find_window(system)


def test_one_timeline_can_be_asked_for(system: System) -> None:
    """The others' intervals are left out, their numbers stay."""
    _put_base(system, 1)
    _put_wal(system, "local", *blocks(1, [1, 2, 3]), *blocks(2, [3, 4]))
    WalCatalogue(NAME, repository(system).stores.values()).write_history("local", history(2, (1, lsn(3, 100))))

    found = find_window(system)

    assert found.timelines == (1, 2)
    assert [item.timeline for item in found.together.intervals] == [1, 2]
    assert [item.timeline for item in found.on(2).together.intervals] == [2]


def test_of_many_backups_few_manifests_are_read(system: System) -> None:
    """The names say which there are; the ends of each stretch of WAL are found by halving."""
    for number in range(1, 211):
        _put_base(system, number, "local")
    _put_wal(system, "local", *blocks(1, range(1, 212)))

    found = find_window(system)

    assert found.together.intervals[0].bases == 210
    assert found.manifests_read < 50
