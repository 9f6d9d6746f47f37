"""What a recovered system is compared with: never with what it told of itself since it was recovered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dr.catalog.lsn import Lsn
from dr.catalog.manifest import SnapshotPoint
from dr.catalog.timelines import Section
from dr.operations.verify_recovery.expectation import fitting
from dr.operations.verify_recovery.lineage import Line
from tests.unit.operations.places import base, dump, put_backup, repository, system

NIGHT = datetime(2026, 1, 1, 2, tzinfo=UTC)
OURS, THEIRS = "77", "66"
SWITCH = Lsn(1000)
PROMOTED = Line(OURS, (Section(1, Lsn(0), SWITCH), Section(2, SWITCH, None)), 2)
NEW = Line(OURS, (Section(1, Lsn(0), None),), 1)


def at(timeline: int, lsn: int) -> SnapshotPoint:
    """Where a dump lies in the WAL."""
    return SnapshotPoint(Lsn(lsn), timeline, "1:1:")


def chosen(path: Path, line: Line) -> str:
    """The label that is compared with; empty for none."""
    found = fitting(repository(system(path)), line)
    return found.manifest.label if found is not None else ""


def test_a_recovered_server_is_compared_with_what_was_there_before(tmp_path: Path) -> None:
    """Not with its own dump of a moment ago, which says only what came back, and not with the abandoned future."""
    before = put_backup(system(tmp_path), dump(NIGHT), system_identifier=OURS, snapshot=at(1, 900))
    for hours, place in ((1, at(1, 1001)), (2, at(2, 1002))):
        put_backup(system(tmp_path), dump(NIGHT + timedelta(hours=hours)), system_identifier=OURS, snapshot=place)

    assert chosen(tmp_path, PROMOTED) == before.label


def test_a_base_backup_from_before_is_better_than_a_dump_from_since(tmp_path: Path) -> None:
    """A dump has its rows counted; of the recovered system they prove nothing."""
    before = put_backup(system(tmp_path), base(NIGHT), system_identifier=OURS, timeline=1, end_lsn=Lsn(900))
    put_backup(system(tmp_path), dump(NIGHT + timedelta(hours=1)), system_identifier=OURS, snapshot=at(2, 1002))

    assert chosen(tmp_path, PROMOTED) == before.label


@pytest.mark.parametrize(("lsn", "fits"), [(1000, True), (1001, False)])
def test_a_dump_of_a_standby_is_placed_by_its_position(tmp_path: Path, lsn: int, fits: bool) -> None:
    """It names no timeline; what lies behind the place where ours began is not from before."""
    made = put_backup(system(tmp_path), dump(NIGHT), system_identifier=OURS, end_lsn=Lsn(lsn))

    assert chosen(tmp_path, PROMOTED) == (made.label if fits else "")


def test_with_nothing_from_before_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    """Also where the history of its timeline is not known."""
    put_backup(system(tmp_path), dump(NIGHT), system_identifier=OURS, snapshot=at(2, 1002))

    assert chosen(tmp_path, PROMOTED) == ""
    assert chosen(tmp_path, Line(OURS, (), 2)) == ""


def test_a_new_cluster_is_compared_with_the_old_ones_last_backup(tmp_path: Path) -> None:
    """A dump was loaded into it: its own dumps say what came of that."""
    put_backup(system(tmp_path), dump(NIGHT), system_identifier=THEIRS, snapshot=at(5, 9000))
    later = dump(NIGHT + timedelta(hours=1))
    last = put_backup(system(tmp_path), later, system_identifier=THEIRS, snapshot=at(5, 9001))
    put_backup(system(tmp_path), dump(NIGHT + timedelta(hours=2)), system_identifier=OURS, snapshot=at(1, 20))

    assert chosen(tmp_path, NEW) == last.label


@pytest.mark.parametrize("line", [NEW, Line(OURS, (), None)])
def test_a_cluster_that_was_never_recovered_is_compared_with_its_own_newest(tmp_path: Path, line: Line) -> None:
    """So is one that is still in recovery: it does not tell where it is."""
    put_backup(system(tmp_path), dump(NIGHT), system_identifier=OURS, snapshot=at(1, 20))
    later = dump(NIGHT + timedelta(hours=1))
    last = put_backup(system(tmp_path), later, system_identifier=OURS, snapshot=at(1, 21))

    assert chosen(tmp_path, line) == last.label
