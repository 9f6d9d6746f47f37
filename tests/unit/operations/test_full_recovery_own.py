"""What a full recovery may clear: what it has itself left half-made, and never anything of anybody else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dr.errors import TargetRefused
from dr.operations.full_recovery.own import claim, is_free, mark_of, release, whole

RUN = "full-recovery_20260101_020000"
LATER = "full-recovery_20260101_030000"


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

    assert list(place.iterdir()) == []
    assert place.stat().st_mode & 0o777 == 0o700


def test_what_was_left_half_made_is_cleared_by_any_later_run(place: Path) -> None:
    """With what belongs to it beside it."""
    beside = place.with_name("data_tablespaces")
    claim(place, RUN, others=(beside,))
    fill(place)
    (beside / "16400").mkdir(parents=True)
    claim(place, LATER, others=(beside,))

    assert list(place.iterdir()) == []
    assert not beside.exists()


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
    """Beside a place that was never ours nothing is removed."""
    beside = fill(place.with_name("data_tablespaces"))
    claim(place, RUN, others=(beside,))

    assert (beside / "base" / "1").read_text() == "rows"


def test_a_link_is_not_followed(place: Path, tmp_path: Path) -> None:
    """It may lead to somebody's empty directory today and to another tomorrow."""
    (tmp_path / "elsewhere").mkdir()
    place.symlink_to(tmp_path / "elsewhere")

    assert not is_free(place, RUN)
    with pytest.raises(TargetRefused):
        claim(place, RUN)
