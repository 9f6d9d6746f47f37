"""Local copies that the policy lets go are removed, and nothing else is (I14)."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dr.catalog import labels
from dr.errors import DrError, StoreDenied
from dr.operations.expire import apply_expiry, plan_local_expiry
from dr.policy.retention import Action
from dr.storage.faults import Denied, FaultyStore
from dr.storage.repository import Repository
from tests.unit.operations.places import NAME, base, dump, put_backup, put_objects, repository, system

NOW = datetime(2024, 3, 1, 2, 10, tzinfo=UTC)


def _ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def _expire(of, *, days: int | None = None, succeeded: bool = True) -> tuple[str, ...]:
    return apply_expiry(of, plan_local_expiry(of, NOW, retention_days=days, run_succeeded=succeeded))


def _files(path: Path) -> set[str]:
    return {file.name for file in path.rglob("*") if file.is_file()}


def _listed(of) -> list[str]:
    return [str(backup.label) for backup in repository(of).list().backups]


def test_old_copies_go_and_all_of_each_goes(tmp_path):
    """Objects, globals and manifest; what is kept is untouched."""
    mine = system(tmp_path)
    for days in (0, 3, 8, 9):
        put_backup(mine, dump(_ago(days)))
        put_backup(mine, base(_ago(days)))

    removed = _expire(mine)

    gone = [str(kind(_ago(days))) for kind in (base, dump) for days in (8, 9)]
    assert sorted(removed) == sorted(f"local:{label}" for label in gone)
    assert not any(label in str(path) for label in gone for path in tmp_path.rglob("*"))
    assert len(_listed(mine)) == 4
    assert len([file for file in tmp_path.rglob("*") if file.is_file()]) == 12


def test_the_plan_alone_removes_nothing_and_names_every_copy(tmp_path):
    """A dry run is to stop after it."""
    mine = system(tmp_path)
    for days in (0, 8):
        put_backup(mine, dump(_ago(days)))
    before = _files(tmp_path)

    (plan,) = plan_local_expiry(mine, NOW, retention_days=None, run_succeeded=True)

    assert [(str(item.copy.label), item.action) for item in plan.decisions] == [
        (str(dump(NOW)), Action.KEEP),
        (str(dump(_ago(8))), Action.EXPIRE),
    ]
    assert all(item.reason for item in plan.decisions)
    assert _files(tmp_path) == before


@pytest.mark.incident("I14")
def test_after_a_failed_run_nothing_is_removed(tmp_path):
    """However old."""
    mine = system(tmp_path)
    put_backup(mine, dump(_ago(1)))
    put_backup(mine, dump(_ago(100)))

    assert _expire(mine, succeeded=False) == ()
    assert len(_listed(mine)) == 2


@pytest.mark.incident("I14")
def test_a_copy_that_was_not_read_back_makes_no_other_superfluous(tmp_path):
    """Proven elsewhere is not proven here: each store keeps its own proven copy."""
    mine = system(tmp_path, "local", "second")
    put_backup(mine, dump(_ago(1)), proven=("second",))
    put_backup(mine, dump(_ago(30)))

    assert _expire(mine) == (f"second:{dump(_ago(30))}",)
    assert _listed(mine) == [str(dump(_ago(1))), str(dump(_ago(30)))]
    assert repository(mine).find(dump(_ago(30))).stores == ("local",)


def test_the_number_of_days_can_be_given_for_one_run(tmp_path):
    """Instead of the system's own."""
    mine = system(tmp_path, local_days=30)
    put_backup(mine, dump(_ago(0)))
    put_backup(mine, dump(_ago(5)))

    assert _expire(mine) == ()
    assert _expire(mine, days=3) == (f"local:{dump(_ago(5))}",)


def test_as_many_as_the_system_wants_are_kept_whatever_their_age(tmp_path):
    """``min_keep`` of each kind."""
    mine = system(tmp_path, min_keep=2)
    for days in (10, 20, 30):
        put_backup(mine, dump(_ago(days)))

    assert _expire(mine) == (f"local:{dump(_ago(30))}",)


@pytest.mark.parametrize("days", [-1, -7])
def test_a_senseless_number_of_days_is_a_clear_error(tmp_path, days):
    """Not a traceback, and nothing is removed."""
    mine = system(tmp_path)
    put_backup(mine, dump(_ago(100)))

    with pytest.raises(DrError):
        _expire(mine, days=days)
    assert len(_listed(mine)) == 1


def test_what_a_killed_run_left_is_swept_after_a_day_and_not_before(tmp_path):
    """A run may still be at work on what is younger."""
    mine = system(tmp_path)
    put_backup(mine, dump(_ago(0)))
    old, young = dump(_ago(1.5)), base(_ago(0.5))
    put_objects(mine, old)
    put_objects(mine, young)

    assert _expire(mine) == (f"local:{old}",)
    assert not any(str(old) in name for name in _files(tmp_path))
    assert repository(mine).unfinished("local", NOW) == {young: tuple(sorted(_keys_of(mine, young)))}


def _keys_of(mine, label) -> list[str]:
    return [item.key for item in repository(mine).store("local").list(labels.object_prefix(NAME, label))]


@pytest.mark.incident("I14")
def test_a_manifest_that_cannot_be_read_is_neither_counted_nor_removed(tmp_path):
    """It may be the last good backup's, written by a newer version of this program."""
    mine = system(tmp_path)
    put_backup(mine, dump(_ago(1)))
    put_backup(mine, dump(_ago(30)))
    key = labels.manifest_key(NAME, dump(_ago(30)))
    repository(mine).store("local").put_bytes(key, b'{"format_version": 2}')

    assert _expire(mine) == ()
    assert (tmp_path / "local" / key).exists()
    assert repository(mine).list().unreadable


def test_what_is_no_backup_is_left_alone(tmp_path):
    """Files that an operator put there, and the records of this repository."""
    mine = system(tmp_path)
    put_backup(mine, dump(_ago(0)))
    for key in (
        "database/notes.txt",
        "database/backup_of_my_own.gpg",
        "base/README",
        "system.json",
        "evidence/2023/run_1.json",
    ):
        repository(mine).store("local").put_bytes(f"{NAME}/{key}", b"x")
        os.utime(tmp_path / "local" / NAME / key, (0, 0))

    assert _expire(mine) == ()
    assert {"notes.txt", "backup_of_my_own.gpg", "README", "system.json", "run_1.json"} <= _files(tmp_path)


def test_a_copy_that_is_half_removed_is_never_listed(tmp_path):
    """The manifest goes first: should the rest fail, it is no backup any more, and is swept later."""
    mine = system(tmp_path)
    old = base(_ago(30))
    put_backup(mine, old)
    failing = FaultyStore(repository(mine).store("local"))
    failing.arm(Denied(keys="backup_manifest.gpg"))

    with pytest.raises(StoreDenied):
        Repository(NAME, [failing]).delete(old, "local")

    assert _listed(mine) == []
    assert list(repository(mine).unfinished("local", NOW)) == [old]
    assert _expire(mine) == (f"local:{old}",)
    assert _files(tmp_path) == set()
