"""WAL that somebody removed from a store is missed, although the index still speaks of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dr.catalog import labels
from dr.catalog.wal_names import Segment
from dr.configuration.model import System
from dr.operations.measure.wal import measure_wal
from dr.operations.wal.gone import LOOKED_EVERY, gone_segments, look_for_gone
from dr.operations.wal.status import ReceiverStatus, write_status
from dr.operations.wal.window import find_window
from dr.policy.metric import Unmeasured
from dr.storage.wal_catalogue import WalCatalogue
from tests.unit.catalog.wal_examples import blocks, closed_at, lsn, stored
from tests.unit.operations.places import LOOKS_ENCRYPTED, NAME, base, block, put_backup, repository
from tests.unit.operations.places import system as make_system

NOW = datetime(2024, 1, 2, tzinfo=UTC)
LOST = stored(1, 3).name


@pytest.fixture
def system(tmp_path: Path) -> System:
    """Two stores with the same base backup and the same five segments behind it."""
    made = make_system(tmp_path, "local", "cloud")
    when = closed_at(1) - timedelta(seconds=50)
    put_backup(made, base(when), timeline=1, begin_lsn=lsn(1, 40), end_lsn=lsn(1, 4096), server_end=when)
    catalogue = WalCatalogue(NAME, repository(made).stores.values())
    for name, store in repository(made).stores.items():
        for record in blocks(1, range(1, 6)):
            catalogue.write_block(name, record)
        for number in range(1, 6):
            store.put_bytes(labels.wal_key(NAME, stored(1, number).segment), LOOKS_ENCRYPTED)
    return made


def remove(system: System, *stores: str) -> None:
    """The object of the third segment, and nothing else."""
    for name in stores:
        repository(system).store(name).delete(labels.wal_key(NAME, Segment.parse(LOST)))


def measured(system: System, name: str, now: datetime = NOW) -> dict[str, float]:
    """By store, or by nothing."""
    found = (item for item in measure_wal(system, now) if getattr(item, "name", "") == name)
    return {"/".join(item.labels[1:]): item.value for item in found}  # type: ignore[union-attr]


def test_what_is_there_is_not_missed(system: System) -> None:
    """Of neither store."""
    assert look_for_gone(system) == {"local": frozenset(), "cloud": frozenset()}
    assert measured(system, "pitr_window_gaps") == {"": 0}


@pytest.mark.incident("I18")
def test_a_segment_that_was_removed_everywhere_breaks_the_window_and_put_back_mends_it(system: System) -> None:
    """Found with the next look, and looked for each time from then on."""
    remove(system, "local", "cloud")

    assert measured(system, "pitr_window_gaps") == {"": 2}, "the hole, and nothing that comes can be recovered either"
    (gap,) = find_window(system, gone_segments(system, NOW)).together.holes
    assert str(gap.first) == str(gap.last) == LOST
    repository(system).store("cloud").put_bytes(labels.wal_key(NAME, Segment.parse(LOST)), LOOKS_ENCRYPTED)
    assert measured(system, "pitr_window_gaps", NOW + timedelta(seconds=1)) == {"": 0}
    assert measured(system, "wal_store_lacking_segments") == {"local": 1, "cloud": 0}


def test_a_store_that_lost_a_segment_lacks_it_and_is_named(system: System) -> None:
    """The other store still has it: no moment is lost."""
    remove(system, "local")

    found = find_window(system, look_for_gone(system))

    assert found.together.holes == ()
    assert [(item.store, item.lacking) for item in found.stores] == [("local", 1), ("cloud", 0)]
    assert found.unreadable == (f"store local has lost 1 WAL segments of its index, {LOST} first: they were removed",)


def test_stores_are_listed_once_an_hour(system: System) -> None:
    """What was found is noted on this host; without a note it is looked at again."""
    assert not any(gone_segments(system, NOW).values())
    remove(system, "local", "cloud")

    assert not any(gone_segments(system, NOW + LOOKED_EVERY / 2).values())
    assert gone_segments(system, NOW + LOOKED_EVERY) == {"local": {LOST}, "cloud": {LOST}}


def test_a_store_that_does_not_answer_has_lost_nothing(tmp_path: Path, system: System) -> None:
    """That it is silent is told by another rule."""
    (tmp_path / "cloud" / NAME).rename(tmp_path / "away")
    block(tmp_path / "cloud" / NAME)

    assert look_for_gone(system) == {"local": frozenset(), "cloud": frozenset()}


def test_a_hole_that_a_silent_store_may_fill_is_unknown(tmp_path: Path, system: System) -> None:
    """Neither a page at night nor the end of one."""
    remove(system, "local")
    gone_segments(system, NOW)
    (tmp_path / "cloud" / NAME).rename(tmp_path / "away")
    block(tmp_path / "cloud" / NAME)

    found = list(measure_wal(system, NOW))

    assert Unmeasured("pitr_window_gaps") in found
    assert measured(system, "pitr_window_gaps") == {}


@pytest.mark.incident("I18")
def test_what_waited_when_the_receiver_was_killed_grows_older(system: System) -> None:
    """Its last words stay as they were; nothing that waits does not age."""
    for waiting, wanted in ((2, 7 + 3600), (0, 0)):
        told = ReceiverStatus(
            pid=1, alive=True, begun=NOW, updated=NOW, synchronous=False, sync_state="", received_lsn=None,
            stored_lsn=None, stored_server_time=None, waiting_segments=waiting, waiting_bytes=waiting,
            oldest_waiting_seconds=7, base_needed="", problems=(),
        )  # fmt: skip
        write_status(system, told)

        assert measured(system, "wal_backlog_age_seconds", NOW + timedelta(hours=1)) == {"": wanted}
