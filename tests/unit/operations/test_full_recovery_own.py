"""What a full recovery may clear: what it has itself left half-made, and never anything of anybody else."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from dr.errors import TargetRefused
from dr.operations.full_recovery.own import Mark, claim, give_back, in_the_way, is_free, mark_of, release, whole
from dr.postgres.data_directory import UNFINISHED

RUN = "full-recovery_20260101_020000"
LATER = "full-recovery_20260101_030000"
NAMES = tuple(f"pg_{letter}" for letter in "abcdefghijkl")
"""So many that what a directory lists last is hardly ever the one that has to stay."""
CHANGES = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.chmod")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where a data directory is to be."""
    return tmp_path / "data"


def fill(place: Path) -> Path:
    """A directory below and a file."""
    (place / "base").mkdir(parents=True)
    (place / "base" / "1").write_text("rows")
    return place


def test_what_is_absent_or_empty_is_taken(place: Path) -> None:
    """And is there afterwards, for the owner's eyes only."""
    claim(place, RUN)

    assert [path.name for path in place.iterdir()] == [UNFINISHED]
    assert place.stat().st_mode & 0o777 == 0o700


def test_what_was_left_half_made_is_cleared_by_any_later_run(place: Path) -> None:
    """With what belongs to it beside it."""
    beside = place.with_name("data_tablespaces")
    claim(place, RUN, others=(beside,))
    fill(place)
    (beside / "16400").mkdir(parents=True)
    claim(place, LATER, others=(beside,))

    assert [path.name for path in place.iterdir()] == [UNFINISHED]
    assert not beside.exists()


def test_where_nothing_was_laid_nothing_of_ours_stays(place: Path) -> None:
    """A key that opens nothing leaves an empty directory; one with something in it stays ours."""
    claim(place, RUN)
    give_back(place)
    left = [*place.iterdir()], mark_of(place).exists()

    claim(place, RUN)
    fill(place)
    give_back(place)

    assert left == ([], False)
    assert {path.name for path in place.iterdir()} == {"base", UNFINISHED}
    assert is_free(place, LATER)


def test_what_is_whole_is_cleared_by_the_same_run_only(place: Path) -> None:
    """Another one might find a database in service there: its rows are not ours to clear."""
    claim(place, RUN)
    fill(place)
    whole(place, RUN)

    assert (is_free(place, RUN), is_free(place, LATER), is_free(place)) == (True, False, False)
    with pytest.raises(TargetRefused, match="holds something"):
        claim(place, LATER)
    assert (place / "base" / "1").read_text() == "rows"


def test_what_somebody_else_has_put_there_is_never_cleared(place: Path) -> None:
    """Neither where no mark is, nor where the mark is of a directory that was there before it."""
    fill(place)
    with pytest.raises(TargetRefused):
        claim(place, RUN)
    shutil.rmtree(place)
    claim(place, RUN)
    place.rename(place.with_name("old"))
    fill(place)

    with pytest.raises(TargetRefused):
        claim(place, RUN)
    assert (place / "base" / "1").read_text() == "rows"


def test_what_was_released_or_has_a_damaged_mark_is_not_ours(place: Path) -> None:
    """In doubt it belongs to the product."""
    claim(place, RUN)
    fill(place)
    mark_of(place).write_text("{")
    damaged = is_free(place, RUN)
    shutil.rmtree(place)
    claim(place, RUN)
    fill(place)
    release(place)

    assert (damaged, is_free(place, RUN)) == (False, False)


def test_tablespaces_of_somebody_else_stay(place: Path) -> None:
    """Beside a place that is not ours now nothing is removed, whatever mark an older run has left there."""
    beside = fill(place.with_name("data_tablespaces"))
    with pytest.raises(TargetRefused, match="data_tablespaces"):
        claim(place, RUN, others=(beside,))
    claim(place, RUN)
    shutil.rmtree(place)
    with pytest.raises(TargetRefused, match="data_tablespaces"):
        claim(place, RUN, others=(beside,))

    assert in_the_way(place, RUN, (beside,)) == (beside,)
    assert (beside / "base" / "1").read_text() == "rows"


def test_what_was_restored_by_hand_into_a_directory_of_the_same_number_is_not_ours(place: Path) -> None:
    """A file system gives the number again, and an emptied directory keeps it: the file inside tells."""
    claim(place, RUN)
    fill(place)
    shutil.rmtree(place)
    fill(place)
    found = place.stat()
    mark_of(place).write_bytes(msgspec.json.encode(Mark(RUN, "begun", found.st_dev, found.st_ino)))
    free = is_free(place, RUN), is_free(place, LATER), is_free(place)

    assert free == (False, False, False)
    with pytest.raises(TargetRefused):
        claim(place, RUN)
    assert (place / "base" / "1").read_text() == "rows"


def test_what_was_whole_and_has_changed_since_is_not_cleared_by_its_own_run_either(place: Path) -> None:
    """Somebody has started it, or put something else there."""
    claim(place, RUN)
    fill(place)
    whole(place, RUN)
    inside = {path.name for path in place.iterdir()}
    (place / "postmaster.pid").write_text("1")

    assert inside == {"base"}
    assert not is_free(place, RUN)


def die_in(action: Callable[[], object], number: int) -> bool:
    """Call it in a process that dies just before it changes something for the ``number``-th time; whether it did."""
    child = os.fork()
    if child == 0:
        count = itertools.count(1)

        def watch(event: str, arguments: tuple[object, ...]) -> None:
            changes = event in CHANGES or (event == "open" and "w" in str(arguments[1]))
            if changes and next(count) == number:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        action()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0


@pytest.mark.parametrize("state", ["half-made", "whole"])
def test_whoever_dies_while_he_clears_leaves_it_as_one_of_ours(place: Path, state: str) -> None:
    """At whichever file: to clear takes a while, and the next run has to go on."""
    beside = place.with_name("data_tablespaces")
    left = []
    for number in range(1, 100):
        claim(place, RUN, others=(beside,))
        fill(place)
        for name in NAMES:
            (place / name).touch()
        fill(beside)
        if state == "whole":
            whole(place, RUN)
        if not die_in(lambda: claim(place, RUN, others=(beside,)), number):
            break
        left.append((is_free(place, RUN), sorted(path.name for path in place.iterdir())))

    assert len(left) > 6
    assert all(free for free, _ in left), left
    assert (True, [UNFINISHED]) in left
    assert any(UNFINISHED in names and 1 < len(names) < len(NAMES) for _, names in left)


def test_a_room_of_ours_needs_no_file_in_it(place: Path) -> None:
    """Components restore into directories that are empty."""
    claim(place, RUN, room=True)
    before = list(place.iterdir())
    fill(place)
    claim(place, LATER, room=True)

    assert before == list(place.iterdir()) == []


def test_a_link_is_not_followed(place: Path, tmp_path: Path) -> None:
    """It may lead to somebody's empty directory today and to another tomorrow."""
    (tmp_path / "elsewhere").mkdir()
    place.symlink_to(tmp_path / "elsewhere")

    assert not is_free(place, RUN)
    with pytest.raises(TargetRefused):
        claim(place, RUN)
