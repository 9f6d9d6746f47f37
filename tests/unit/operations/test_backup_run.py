"""A run of several parts: one that fails does not stop the others, and the end says what is safe and what is not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dr.catalog.labels import Kind
from dr.errors import (
    AuthenticationFailed,
    BackupInvalid,
    DrError,
    Interrupted,
    LeaseHeld,
    PartialBackup,
    PipelineError,
    ServerUnreachable,
    StoreError,
)
from dr.operations.backup_run import BackupRun
from dr.operations.draft import Draft
from dr.operations.publish import Published
from tests.unit.catalog.examples import manifest
from tests.unit.operations.places import base, dump

NIGHT = datetime(2024, 1, 1, 2, tzinfo=UTC)


def _add(run: BackupRun, label, *problems: str, stores: tuple[str, ...] = ("local", "cloud")) -> Published:
    made = Published(str(label), str(label.kind), stores, "listed", 1000, problems)
    run.add(Draft(manifest(label), (), ()), made)
    return made


def test_a_run_in_which_all_went_well_hands_back_its_backups():
    """In the order in which they were made."""
    run = BackupRun()
    with run.part("dump"):
        first = _add(run, dump(NIGHT))
    with run.part("base backup"):
        second = _add(run, base(NIGHT))

    assert run.succeeded
    summary = run.conclude("coreflow360")
    assert (summary.system, summary.backups, summary.problems) == ("coreflow360", (first, second), ())


def test_a_part_that_fails_does_not_stop_the_next():
    """What can be made safe is made safe; the error names both."""
    run = BackupRun()
    with run.part("dump"):
        raise PipelineError("writing x failed", "pg_dump: killed by SIGKILL")
    with run.part("base backup"):
        _add(run, base(NIGHT))

    assert not run.succeeded
    with pytest.raises(PartialBackup) as caught:
        run.conclude("coreflow360")
    assert "safe: base_20240101_020000_full in local and cloud" in caught.value.message
    assert "dump: writing x failed (pg_dump: killed by SIGKILL)" in caught.value.detail
    assert "Nothing older of what is not whole expired" in caught.value.hint


@pytest.mark.parametrize("problem", ["store", "verification", "missing"])
def test_whatever_is_missing_makes_the_run_partial(problem):
    """A store that dropped out, a proof that failed, a part that could not be made."""
    run = BackupRun(("store cloud: permission denied",) if problem == "store" else ())
    _add(run, dump(NIGHT), *(("store cloud: is damaged",) if problem == "verification" else ()))
    if problem == "missing":
        run.miss("base backup", "the role may not make one", Kind.BASE)

    assert not run.succeeded
    with pytest.raises(PartialBackup, match="safe: backup_20240101_020000") as caught:
        run.conclude("coreflow360")
    assert caught.value.detail


def test_a_run_of_one_part_that_failed_fails_with_that_parts_own_error():
    """Its exit code and hint are better than 'partial'."""
    run = BackupRun()
    wanted = BackupInvalid("no copy could be read back", hint="Look at the stores.")
    with run.part("dump"):
        raise wanted

    with pytest.raises(BackupInvalid) as caught:
        run.conclude("coreflow360")
    assert caught.value is wanted


def test_when_several_parts_failed_all_are_told():
    """And that nothing is safe."""
    run = BackupRun()
    for name in ("dump", "base backup"):
        with run.part(name):
            raise DrError(f"{name} broke")

    with pytest.raises(PartialBackup, match="safe: nothing") as caught:
        run.conclude("coreflow360")
    assert "dump: dump broke" in caught.value.detail
    assert "base backup: base backup broke" in caught.value.detail


def test_one_error_does_not_hide_what_else_is_missing():
    """The dump broke, and a base backup could not even be tried: both are told, whichever came last."""
    run = BackupRun()
    run.miss("base backup", "the role may not make one", Kind.BASE)
    with run.part("dump", Kind.DUMP):
        raise BackupInvalid("no copy could be read back")

    with pytest.raises(PartialBackup, match="safe: nothing") as caught:
        run.conclude("coreflow360")
    assert "base backup not made: the role may not make one" in caught.value.detail
    assert "dump: no copy could be read back" in caught.value.detail


def test_what_ends_a_run_at_once_tells_what_had_failed_before():
    """The lease is lost after the dump broke: that is not forgotten over it; where all was well nothing is added."""
    lost = StoreError("the lease is lost", "last renewed 90 s ago", "Run it again.")

    def check() -> None:
        raise lost

    run = BackupRun()
    with pytest.raises(StoreError) as plain:
        run.require(check)
    with run.part("dump", Kind.DUMP):
        raise DrError("pg_dump was killed")
    with pytest.raises(StoreError) as told:
        run.require(check)

    assert plain.value is lost
    assert told.value.detail == "last renewed 90 s ago; before that: dump: pg_dump was killed"
    assert (told.value.message, told.value.hint) == (lost.message, lost.hint)
    run.require(lambda: None)


def test_a_run_that_made_nothing_did_not_succeed():
    """Nothing asked for and nothing made is no reason to expire old copies."""
    assert not BackupRun().succeeded
    with pytest.raises(PartialBackup, match="safe: nothing"):
        BackupRun().conclude("coreflow360")


@pytest.mark.incident("I25")
@pytest.mark.parametrize("error", [LeaseHeld("another run is at work"), Interrupted("SIGTERM"), KeyboardInterrupt()])
def test_what_ends_the_whole_run_is_not_taken_for_a_failed_part(error):
    """Somebody else holds the lease, or somebody wants us to stop: the next part must not begin."""
    run = BackupRun()

    with pytest.raises(type(error)), run.part("dump"):
        raise error


def test_a_problem_is_told_once():
    """Though both parts met it."""
    run = BackupRun(("store cloud: down",))
    _add(run, dump(NIGHT), "store cloud: down")
    _add(run, base(NIGHT), "store cloud: down")

    assert run.problems == ("store cloud: down",)


def test_an_error_that_nobody_foresaw_costs_its_part_and_no_other():
    """A defect, or a disk with a mood of its own: the others are still made safe, and the end tells of it."""
    run = BackupRun()
    with run.part("file uploads", Kind.FILES):
        raise OSError(5, "Input/output error")
    with run.part("Redis", Kind.REDIS):
        pass

    assert run.failed == {Kind.FILES}
    with pytest.raises(DrError, match="Input/output error"):
        run.conclude("shop")


def test_only_a_cache_that_does_not_answer_is_a_note():
    """A password that was changed would otherwise be green for ever (I12)."""
    run = BackupRun()
    with run.part("Redis", Kind.REDIS, may_be_missing=True):
        raise ServerUnreachable("nothing answers")
    assert run.problems == ()
    assert run.notes == ["Redis: nothing answers"]

    with run.part("Redis", Kind.REDIS, may_be_missing=True):
        raise AuthenticationFailed("the password is wrong")

    assert run.problems == ("Redis: the password is wrong",)
    assert run.failed == {Kind.REDIS}
