"""WAL that is missing, damaged or exchanged: another copy is used, or recovery is refused with the segment's name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from dr.catalog import labels
from dr.catalog.labels import Kind
from dr.catalog.wal_names import Segment
from dr.configuration.model import StoreSettings, System
from dr.errors import BackupInvalid, TargetRefused
from dr.operations.plan_recovery import choose, plan
from dr.operations.restore import restore
from dr.operations.wal.replay import replayed
from dr.policy.recovery_target import RecoveryTarget, TargetKind
from dr.postgres.cluster import create_cluster
from dr.postgres.installations import server_for
from tests.integration.engine.procedures import make
from tests.integration.pitr.conftest import MAJORS, system_in
from tests.integration.pitr.recovering import recover
from tests.integration.pitr.shelf import Moment, forget, primary, put_archive, put_partial

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Shelves:
    """Two stores with the same backups and WAL; ``parts`` are what was committed in each segment behind the backup."""

    system: System
    parts: list[list[Moment]]
    segments: list[Segment]
    later: str
    after: list[Moment]

    def file(self, store: str, place: int) -> Path:
        """The object of a segment."""
        settings = next(item for item in self.system.stores if item.name == store)
        assert settings.path is not None
        return settings.path / labels.wal_key(self.system.name, self.segments[place])

    def only(self, store: str) -> System:
        return replace(self.system, stores=tuple(item for item in self.system.stores if item.name == store))

    def ids(self, *places: int) -> list[int]:
        return [moment.id for place in places for moment in self.parts[place]]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelves]:
    """A backup, three closed segments, another backup, and a partial segment."""
    directory = tmp_path_factory.mktemp("shelves")
    installation = server_for(MAJORS[-1])
    create_cluster(directory / "data", installation)
    stores = tuple(StoreSettings(name, "local", path=directory / name) for name in ("first", "second"))
    with primary(directory / "data", installation, directory / "archive") as origin:
        origin.prepare()
        system = system_in(directory, origin.server.url, *stores)
        make(system, Kind.BASE)
        parts, segments = [], []
        for _ in range(3):
            parts.append(origin.commit(2))
            segments.append(origin.switch())
        later = make(system, Kind.BASE)
        after = origin.commit(2)
        put_archive(system, origin)
        put_partial(system, origin)
        yield Shelves(system, parts, segments, later.label, after)


@pytest.fixture
def shelves(written: Shelves, tmp_path: Path) -> Shelves:
    """A copy of it that a test may spoil. The later backup is out of the way unless asked for."""
    stores = []
    for item in written.system.stores:
        assert item.path is not None
        shutil.copytree(item.path, tmp_path / item.name)
        stores.append(replace(item, path=tmp_path / item.name))
    return replace(written, system=replace(written.system, stores=tuple(stores), state_directory=tmp_path / "state"))


def without_later(shelves: Shelves) -> Shelves:
    """Recovery has to begin from the first backup."""
    for item in shelves.system.stores:
        assert item.path is not None
        shutil.rmtree(item.path / shelves.system.name / "base" / shelves.later)
    return shelves


def flip(file: Path, offset: int) -> None:
    """Change one bit."""
    data = bytearray(file.read_bytes())
    data[offset] ^= 0x04
    file.write_bytes(data)


DAMAGES: dict[str, Callable[[Path, Path], object]] = {
    "missing": lambda file, other: file.unlink(),
    "truncated": lambda file, other: os.truncate(file, file.stat().st_size - 200),
    "emptied": lambda file, other: os.truncate(file, 0),
    "bit flipped at the beginning": lambda file, other: flip(file, 3),
    "bit flipped in the middle": lambda file, other: flip(file, file.stat().st_size // 2),
    "bit flipped at the end": lambda file, other: flip(file, file.stat().st_size - 2),
    "swapped with another segment": lambda file, other: shutil.copy(other, file),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_spoilt_copy_is_replaced_by_the_other_stores(shelves: Shelves, tmp_path: Path, damage: str) -> None:
    """Nothing is lost, and the outcome names the copy that could not be used."""
    without_later(shelves)
    DAMAGES[damage](shelves.file("first", 1), shelves.file("first", 0))

    done = recover(shelves.system, tmp_path / "copy", RecoveryTarget())

    assert done.ids == [*shelves.ids(0, 1, 2), *(moment.id for moment in shelves.after)]
    (note,) = done.notes
    assert f"WAL {shelves.segments[1]}: the copy in first could not be used" in note


@pytest.mark.parametrize("damage", DAMAGES)
def test_without_another_copy_the_spoilt_segment_is_named(shelves: Shelves, tmp_path: Path, damage: str) -> None:
    """Replay never ends early in silence: recovery fails, says which segment, and leaves nothing half-made."""
    without_later(shelves)
    DAMAGES[damage](shelves.file("first", 1), shelves.file("first", 0))
    system = shelves.only("first")

    with pytest.raises(BackupInvalid, match=str(shelves.segments[1])):
        recover(system, tmp_path / "copy", RecoveryTarget())

    assert not (tmp_path / "copy_wal").exists()


def test_wal_spoilt_while_it_is_replayed_ends_the_recovery(shelves: Shelves, tmp_path: Path) -> None:
    """The server waits for the segment, is told that it will not come, and does not open."""
    without_later(shelves)
    system = shelves.only("first")
    chosen = choose(system, "latest", str(tmp_path / "copy"))
    restore(system, chosen)
    ready = tmp_path / "copy_wal" / "ready" / str(shelves.segments[1])
    ready.unlink()
    flip(shelves.file("first", 1), shelves.file("first", 1).stat().st_size // 2)

    with (
        pytest.raises(BackupInvalid, match=str(shelves.segments[1])),
        replayed(system, chosen.found.manifest, tmp_path / "copy", chosen.point),
    ):
        pytest.fail("the server has opened")


@pytest.mark.incident("I6")
def test_nothing_is_recovered_over_a_gap(shelves: Shelves, tmp_path: Path) -> None:
    """Up to the gap by default, with a warning; a target behind it is refused and told from when on it can be."""
    without_later(shelves)
    forget(shelves.system, [shelves.segments[1]])
    chosen = choose(shelves.system, "latest", str(tmp_path / "copy"))
    warnings = " ".join(plan(shelves.system, chosen).warnings)
    assert "the WAL has a gap: 1 segments" in warnings
    assert str(shelves.segments[1]) in warnings

    done = recover(shelves.system, tmp_path / "copy", RecoveryTarget())
    assert done.ids == shelves.ids(0)

    with pytest.raises(TargetRefused, match=f"behind a gap.*{shelves.segments[1]}") as refused:
        choose(shelves.system, "latest", "", RecoveryTarget(TargetKind.TIME, time=shelves.parts[2][0].time))
    assert "recoverable is from" in refused.value.detail


def test_behind_a_gap_a_later_backup_begins_a_new_window(shelves: Shelves, tmp_path: Path) -> None:
    """What is lost is what lies between them."""
    forget(shelves.system, [shelves.segments[1]])

    with pytest.raises(TargetRefused) as refused:
        choose(shelves.system, "latest", "", RecoveryTarget(TargetKind.TIME, time=shelves.parts[2][0].time))
    assert f"and again from .* (end of {shelves.later})".split(" .* ")[0] in refused.value.detail
    done = recover(shelves.system, tmp_path / "copy", RecoveryTarget())

    assert done.chosen.found.manifest.label == shelves.later
    assert done.ids == [*shelves.ids(0, 1, 2), *(moment.id for moment in shelves.after)]


def test_a_hole_in_one_store_is_filled_from_the_other(shelves: Shelves, tmp_path: Path) -> None:
    """Each store lacks another segment; together they have all."""
    without_later(shelves)
    forget(shelves.system, [shelves.segments[0]], "first")
    forget(shelves.system, [shelves.segments[2]], "second")

    done = recover(shelves.system, tmp_path / "copy", RecoveryTarget())

    assert done.ids == [*shelves.ids(0, 1, 2), *(moment.id for moment in shelves.after)]
    assert {piece.copies[0].store for piece in done.point.pieces} == {"first", "second"}


def test_the_open_segment_is_recovered_as_far_as_it_was_stored(shelves: Shelves, tmp_path: Path) -> None:
    """Its last rows are in no closed segment."""
    done = recover(shelves.system, tmp_path / "copy", RecoveryTarget())

    assert done.ids[-2:] == [moment.id for moment in shelves.after]
    assert done.point.pieces[-1].valid_bytes is not None


@pytest.mark.incident("I6")
@pytest.mark.parametrize("where", ["before", "after"])
def test_a_target_outside_the_window_is_refused_with_the_window(shelves: Shelves, where: str) -> None:
    """Nothing is fetched for it, and the answer says what could be recovered instead."""
    moments = {"before": shelves.parts[0][0], "after": shelves.after[-1]}
    early = where == "before"
    far = moments[where].time.replace(year=moments[where].time.year + (-1 if early else 1))
    lsn = type(moments[where].after)(1 if early else 1 << 40)
    for target in (RecoveryTarget(TargetKind.TIME, time=far), RecoveryTarget(TargetKind.LSN, lsn=lsn)):
        with pytest.raises(TargetRefused, match="first consistent point" if early else "after the last WAL") as refused:
            choose(shelves.system, "latest", "", target)
        assert "timeline 1 is recoverable from" in refused.value.detail


@pytest.mark.parametrize(
    "target", [RecoveryTarget(TargetKind.XID, xid=999_999), RecoveryTarget(TargetKind.NAME, name="x")]
)
def test_what_is_not_in_the_wal_is_refused_before_anything_is_restored(
    shelves: Shelves, target: RecoveryTarget
) -> None:
    """PostgreSQL would find out after hours of replay."""
    with pytest.raises(TargetRefused, match="is not in the WAL"):
        choose(shelves.system, "latest", "", target)


def test_a_timeline_that_never_was_is_refused(shelves: Shelves) -> None:
    """With the ones there are."""
    with pytest.raises(TargetRefused, match="there is no timeline 7") as refused:
        choose(shelves.system, "latest", "", RecoveryTarget(timeline=7))
    assert "known are: 1" in refused.value.detail
