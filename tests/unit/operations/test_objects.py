"""Where the objects of a backup in the making go, and that nothing stays when it is not finished."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from dr.catalog.labels import Kind, Label
from dr.catalog.manifest import Compression, ObjectRecord, Role
from dr.errors import BackupInvalid, KeyUnusable, RecoveryFailed, StoreError, StoreFull, StoreUnavailable
from dr.operations.objects import Destination, free_label
from dr.operations.objects_back import from_first_whole_copy
from dr.pipeline.write import Written
from tests.unit.catalog.examples import DIGEST
from tests.unit.operations.places import block, dump, keys, put_backup, put_objects, repository, system

NIGHT = datetime(2024, 1, 1, 2, tzinfo=UTC)


def test_a_label_is_free_if_no_store_has_it(tmp_path):
    """Also one that was left by a killed run; the next second is taken then."""
    mine = system(tmp_path, "local", "cloud")
    now = NIGHT.replace(microsecond=123456).astimezone(timezone(timedelta(hours=9)))
    assert str(free_label(repository(mine), Kind.DUMP, now)) == "backup_20240101_020000"

    put_backup(mine, dump(NIGHT), "local")
    put_objects(mine, dump(NIGHT + timedelta(seconds=1)), "cloud")

    assert str(free_label(repository(mine), Kind.DUMP, now)) == "backup_20240101_020002"
    assert str(free_label(repository(mine), Kind.BASE, now)) == "base_20240101_020000_full"


def test_a_store_that_does_not_answer_does_not_hold_up_the_label(tmp_path):
    """It drops out of the backup when it is written to."""
    mine = system(tmp_path, "local", "cloud")
    block(tmp_path / "cloud")

    assert free_label(repository(mine), Kind.DUMP, NIGHT) == dump(NIGHT)


def _put(of, destination: Destination, key: str, failures: dict[str, StoreError] | None = None) -> None:
    """As a pipeline writes: into every open store but those that fail."""
    failed = failures or {}
    names = tuple(name for name in destination.open_stores if name not in failed)
    for name in names:
        repository(of).store(name).put_bytes(key, b"x")
    record = ObjectRecord(key, Role.DUMP, Compression.GZIP, 1, 1, DIGEST, 1, DIGEST)
    destination.note(Written(record, names, failed))


def _stored(of) -> list[str]:
    return sorted(
        f"{name}:{item.key.rpartition('/')[2]}"
        for name, store in repository(of).stores.items()
        for item in store.list("")
    )


def _keys(label: Label) -> tuple[str, str]:
    first, second = keys(label)
    return first, second


def test_what_is_kept_stays(tmp_path):
    """In every store that took all of it."""
    mine = system(tmp_path, "local", "cloud")
    with Destination(repository(mine), dump(NIGHT)) as destination:
        for key in _keys(dump(NIGHT)):
            _put(mine, destination, key)
        destination.keep()

    assert destination.stores == ("local", "cloud")
    assert destination.failures == ()
    assert len(_stored(mine)) == 4


@pytest.mark.incident("I12")
@pytest.mark.parametrize("error", [StoreFull("full"), KeyboardInterrupt(), BackupInvalid("cut")])
def test_a_backup_that_was_not_finished_leaves_nothing(tmp_path, error):
    """Whatever ended it."""
    mine = system(tmp_path, "local", "cloud")

    def fail() -> None:
        with Destination(repository(mine), dump(NIGHT)) as destination:
            _put(mine, destination, _keys(dump(NIGHT))[0])
            raise error

    with pytest.raises(type(error)):
        fail()

    assert _stored(mine) == []


def test_leaving_without_keeping_leaves_nothing_either(tmp_path):
    """Forgetting to say so is not saying so."""
    mine = system(tmp_path)
    with Destination(repository(mine), dump(NIGHT)) as destination:
        _put(mine, destination, _keys(dump(NIGHT))[0])

    assert _stored(mine) == []


def test_a_store_that_lacks_one_object_drops_out_of_the_whole_backup(tmp_path):
    """A dump without its globals is half a backup; what it had taken is removed, and it is named."""
    mine = system(tmp_path, "local", "cloud")
    first, second = _keys(dump(NIGHT))
    with Destination(repository(mine), dump(NIGHT)) as destination:
        _put(mine, destination, first)
        _put(mine, destination, second, {"cloud": StoreUnavailable("does not answer", hint="wait")})
        assert list(destination.open_stores) == ["local"]
        destination.keep()

    assert destination.stores == ("local",)
    assert [(item.store, item.message, item.hint) for item in destination.failures] == [
        ("cloud", "does not answer", "wait")
    ]
    assert all(name.startswith("local:") for name in _stored(mine))


class TestCopies:
    """Restoring takes the first whole copy."""

    def _run(self, tmp_path, *errors: Exception | None):
        mine = system(tmp_path, *(f"store{number}" for number in range(len(errors))))
        undone: list[str] = []
        outcomes = dict(zip(repository(mine).stores, errors, strict=True))

        def attempt(store):
            undone.append(f"try {store.name}")
            if (error := outcomes[store.name]) is not None:
                raise error
            return store.name

        def run():
            return from_first_whole_copy(
                tuple(repository(mine).stores.values()), attempt, lambda: undone.append("undo")
            )

        return run, undone

    def test_the_first_whole_copy_is_taken(self, tmp_path):
        """The others are not touched."""
        run, log = self._run(tmp_path, None, None)

        assert run() == ("store0", ())
        assert log == ["try store0"]

    @pytest.mark.parametrize("error", [BackupInvalid("damaged"), StoreUnavailable("away")])
    def test_a_damaged_or_unreachable_copy_is_undone_named_and_the_next_is_tried(self, tmp_path, error):
        """Undone first: the next goes into an empty place too."""
        run, log = self._run(tmp_path, error, None)

        assert run() == ("store1", (f"the copy in store0 could not be used: {error.message}",))
        assert log == ["try store0", "undo", "try store1"]

    @pytest.mark.parametrize(
        "error", [StoreFull("full"), KeyUnusable("locked"), RecoveryFailed("no"), KeyboardInterrupt()]
    )
    def test_what_no_other_copy_would_mend_is_raised_at_once(self, tmp_path, error):
        """And undone all the same."""
        run, log = self._run(tmp_path, error, None)

        with pytest.raises(type(error)):
            run()
        assert log == ["try store0", "undo"]

    def test_when_no_copy_is_whole_the_last_error_is_told(self, tmp_path):
        """Each was tried and undone; there may even be none to try."""
        run, log = self._run(tmp_path, BackupInvalid("first"), BackupInvalid("second"))

        with pytest.raises(BackupInvalid, match="second"):
            run()
        assert log.count("undo") == 2
        with pytest.raises(BackupInvalid, match="no copy to restore from"):
            from_first_whole_copy((), lambda store: store, lambda: None)
