"""WAL that no base backup of the store needs goes with the backups that needed it, and nothing else does (I16)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dr.catalog import labels
from dr.catalog.labels import Kind, Label, Method
from dr.catalog.lsn import Lsn
from dr.catalog.wal_index import Break, WalBlock
from dr.catalog.wal_names import LOG_BYTES
from dr.configuration.model import System
from dr.errors import BackupInvalid, StoreDenied
from dr.operations.expire import apply_expiry, plan_local_expiry
from dr.operations.expire_wal import plan_store_wal, remove_wal
from dr.policy.wal_retention import LogFile, WalPlan
from dr.storage.faults import Denied, FaultyStore
from dr.storage.repository import Repository
from dr.storage.wal_catalogue import WalCatalogue
from tests.unit.catalog.wal_examples import WAL, blocks, history, partial
from tests.unit.operations.places import NAME, base, put_backup, repository, system

NOW = datetime(2024, 3, 1, 2, 10, tzinfo=UTC)
PER_LOG = WAL.per_log


def _ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def _at(log: float) -> Lsn:
    return Lsn(int(log * LOG_BYTES))


def _put_base(mine: System, days: float, log: float, *, timeline: int = 1, **other: Any) -> Label:
    """A base backup whose WAL begins somewhere in a log file."""
    label = base(_ago(days))
    put_backup(mine, label, timeline=timeline, begin_lsn=_at(log), end_lsn=_at(log + 0.01), **other)
    return label


def _put_wal(mine: System, timeline: int, logs: range, store: str = "local") -> None:
    """Every segment of these log files, and an open one behind the last."""
    numbers = range(logs.start * PER_LOG, logs.stop * PER_LOG - 1)
    opened = partial(timeline, logs.stop * PER_LOG - 1, 4096)
    target = repository(mine).store(store)
    for block in blocks(timeline, numbers, partials=[opened]):
        _put_block(mine, block, store)
    target.put_bytes(labels.wal_partial_key(NAME, opened.segment, opened.valid_bytes), b"open")


def _put_block(mine: System, block: WalBlock, store: str = "local") -> None:
    target = repository(mine).store(store)
    for item in block.segments[:: PER_LOG // 4]:
        target.put_bytes(labels.wal_key(NAME, item.segment), b"segment")
    WalCatalogue(NAME, [target]).write_block(store, block)


def _expire(mine: System, *, succeeded: bool = True) -> tuple[str, ...]:
    return apply_expiry(mine, plan_local_expiry(mine, NOW, retention_days=None, run_succeeded=succeeded))


def _logs(path: Path, timeline: int = 1, store: str = "local") -> tuple[list[int], list[int]]:
    """The log files that are in the index, and those of which there are objects."""
    index = path / store / NAME / "wal-index" / f"{timeline:08X}"
    objects = path / store / NAME / "wal" / f"{timeline:08X}"
    named = sorted(int(file.stem, 16) for file in index.glob("*.json") if file.stem != "history")
    return named, sorted({int(file.name[8:16], 16) for file in objects.iterdir() if "history" not in file.name})


@pytest.mark.incident("I16")
def test_wal_goes_with_the_last_base_backup_that_needed_it(tmp_path):
    """Whole log files below the oldest base backup that stays, index and objects; what it needs in part stays whole."""
    mine = system(tmp_path)
    _put_base(mine, 20, 0.5)
    _put_base(mine, 5, 3.2)
    _put_base(mine, 1, 5.0)
    _put_wal(mine, 1, range(7))

    (plan,) = plan_local_expiry(mine, NOW, retention_days=None, run_succeeded=True)
    assert plan.wal.going == tuple(LogFile(1, log) for log in range(3))
    assert plan.wal.staying == 4
    assert "begins at 3/33333333" in plan.wal.reason
    assert _logs(tmp_path) == ([0, 1, 2, 3, 4, 5, 6],) * 2

    _expire(mine)

    assert _logs(tmp_path) == ([3, 4, 5, 6],) * 2
    (again,) = plan_local_expiry(mine, NOW, retention_days=None, run_succeeded=True)
    assert again.wal.going == ()


@pytest.mark.incident("I16")
def test_each_store_keeps_the_wal_of_its_own_base_backups(tmp_path):
    """What one store still has a base backup for does not go there because another store has let it go."""
    mine = system(tmp_path, "local", "second")
    for days, log in ((20, 0.5), (1, 4.5)):
        _put_base(mine, days, log, proven=("local", "second") if days > 10 else ("local",))
    for store in ("local", "second"):
        _put_wal(mine, 1, range(6), store)

    _expire(mine)

    assert _logs(tmp_path)[0] == [4, 5]
    assert _logs(tmp_path, store="second")[0] == [0, 1, 2, 3, 4, 5], (
        "its newer copy is not proven, so the old one stays"
    )


@pytest.mark.incident("I16")
def test_an_older_timeline_goes_only_below_what_any_path_needs(tmp_path):
    """Also where the history of the new timeline is not there; and the history files stay."""
    mine = system(tmp_path)
    _put_base(mine, 20, 0.5)
    _put_base(mine, 3, 2.5)
    _put_base(mine, 1, 4.5, timeline=2)
    _put_wal(mine, 1, range(6))
    _put_wal(mine, 2, range(4, 8))
    local = repository(mine).store("local")
    WalCatalogue(NAME, [local]).write_history("local", history(2, (1, _at(4.2))))
    local.put_bytes(labels.wal_history_key(NAME, 2), b"history")

    _expire(mine)

    assert _logs(tmp_path, 1)[0] == [2, 3, 4, 5]
    assert _logs(tmp_path, 2)[0] == [4, 5, 6, 7]
    assert (tmp_path / "local" / labels.wal_history_key(NAME, 2)).exists()
    assert (tmp_path / "local" / labels.wal_history_index_key(NAME, 2)).exists()


@pytest.mark.incident("I16")
@pytest.mark.parametrize("what", ["failed run", "unreadable manifest", "base without position", "no base at all"])
def test_no_wal_goes_while_it_is_not_known_what_is_needed(what, tmp_path):
    """Whatever is in doubt keeps all of it, and the plan says what."""
    mine = system(tmp_path)
    _put_wal(mine, 1, range(6))
    told = "there is no base backup in this store"
    if what != "no base at all":
        _put_base(mine, 20, 0.5)
        newest = _put_base(mine, 1, 5.0)
    if what == "failed run":
        told = "the backup run failed"
    elif what == "unreadable manifest":
        label = base(_ago(4))
        repository(mine).store("local").put_bytes(labels.manifest_key(NAME, label), b'{"format_version": 2}')
        told = "a manifest cannot be read"
    elif what == "base without position":
        put_backup(mine, newest)
        told = "does not say which WAL it needs"

    (plan,) = plan_local_expiry(mine, NOW, retention_days=None, run_succeeded=what != "failed run")
    _expire(mine, succeeded=what != "failed run")

    assert plan.wal.going == ()
    assert told in plan.wal.reason
    assert _logs(tmp_path)[0] == [0, 1, 2, 3, 4, 5]


def test_an_incremental_backup_keeps_its_parent_and_with_it_the_wal(tmp_path):
    """The parent can be restored alone, to any point since it ended: its WAL stays as long as it does."""
    mine = system(tmp_path)
    parent = _put_base(mine, 9, 1.5)
    child = Label(_ago(2), Kind.BASE, Method.INCREMENTAL)
    put_backup(mine, child, parent=str(parent), timeline=1, begin_lsn=_at(4), end_lsn=_at(4.1))
    _put_base(mine, 1, 5.0)
    _put_wal(mine, 1, range(6))

    (plan,) = plan_local_expiry(mine, NOW, retention_days=None, run_succeeded=True)
    _expire(mine)

    assert {str(item.copy.label): item.reason for item in plan.decisions}[str(parent)] == f"{child} needs it"
    assert _logs(tmp_path)[0] == [1, 2, 3, 4, 5]


def test_the_index_entry_goes_before_the_objects_and_what_is_left_goes_the_next_time(tmp_path):
    """An expiry that is cut off in between lists nothing that is not there, and leaves nothing for ever."""
    mine = system(tmp_path)
    _put_base(mine, 1, 3.5)
    _put_wal(mine, 1, range(6))
    kept = [item.manifest for item in repository(mine).list().backups]
    failing = FaultyStore(repository(mine).store("local"))
    cut = Repository(NAME, [failing])
    plan = plan_store_wal(cut, "local", kept)
    failing.arm(Denied(keys=f"{NAME}/wal/00000001/0000000100000000"))

    with pytest.raises(StoreDenied):
        remove_wal(cut, "local", plan, kept)

    named, with_objects = _logs(tmp_path)
    assert named == [1, 2, 3, 4, 5]
    assert with_objects == [0, 1, 2, 3, 4, 5]
    _expire(mine)
    assert _logs(tmp_path) == ([3, 4, 5],) * 2


@pytest.mark.incident("I16")
def test_a_plan_that_would_shorten_the_window_is_refused(tmp_path):
    """The window is worked out from the index itself: the rule is not trusted to be right."""
    mine = system(tmp_path)
    label = _put_base(mine, 1, 1.5)
    _put_wal(mine, 1, range(6))
    kept = [item.manifest for item in repository(mine).list().backups]
    wrong = WalPlan((LogFile(1, 3),), 5, "a mistake")

    with pytest.raises(BackupInvalid, match="shorten what can be recovered") as caught:
        remove_wal(repository(mine), "local", wrong, kept)

    assert str(label) in caught.value.detail
    assert _logs(tmp_path)[0] == [0, 1, 2, 3, 4, 5], "nothing was removed"


def test_a_break_in_the_wal_that_stays_is_kept_with_it(tmp_path):
    """A window that was broken before is no reason to keep everything, and its record stays."""
    mine = system(tmp_path)
    _put_base(mine, 20, 0.5)
    _put_base(mine, 1, 2.5)
    _put_wal(mine, 1, range(3))
    gone = Break(_at(3), _at(3.5), NOW, "the slot was lost")
    for block in blocks(1, range(int(3.5 * PER_LOG), 5 * PER_LOG), breaks=[gone]):
        _put_block(mine, block)

    _expire(mine)

    assert _logs(tmp_path)[0] == [2, 3, 4]
    read = WalCatalogue(NAME, [repository(mine).store("local")]).read("local")
    assert [item for block in read.blocks for item in block.breaks] == [gone]
