"""How well the parts of a recovery point fit together, in figures and in words."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from dr.catalog.labels import Kind
from dr.catalog.lsn import Lsn
from dr.catalog.points import DatabasePosition, Member, PointContents, References
from dr.policy.point_consistency import apart_seconds, judge_point

AT = datetime(2024, 1, 1, 2, 30, tzinfo=UTC)


def member(kind: Kind, seconds: float, until: float | None = None) -> Member:
    """Taken so many seconds after the mark."""
    end = None if until is None else AT + timedelta(seconds=until)
    return Member(kind, f"{kind}_20240101_023000", AT + timedelta(seconds=seconds), True, ("local",), "listed", end)


def point(**other: object) -> PointContents:
    """One whose parts fit."""
    whole = PointContents(
        database=DatabasePosition(AT, Lsn.parse("0/5000028"), 1, "base_20240101_020000_full", "backup_20240101_020100"),
        members=(member(Kind.REDIS, 1), member(Kind.FILES, 2)),
        apart_seconds=2.0,
        references=References(9, 0, wanted=True),
    )
    return dataclasses.replace(whole, **other)  # type: ignore[arg-type]


def test_parts_that_fit_are_one_state_and_the_statement_has_the_figures():
    """Position, distance, files: what a person asks first."""
    found = judge_point(point(), 900)

    assert found.fits
    assert found.problems == found.broken == ()
    assert "LSN 0/5000028 on timeline 1" in found.statement
    assert "within 2.0 s" in found.statement
    assert "9 of 9 files named by rows are there" in found.statement


def test_the_distance_is_that_of_what_rows_speak_of_with_all_the_time_its_reading_took():
    """Code of yesterday belongs to any state of today; uploads that were read for an hour do not show one moment."""
    members = (member(Kind.REDIS, -3), member(Kind.FILES, 2, until=3600), member(Kind.CODE, -86400))

    assert apart_seconds(AT, members) == 3600
    assert apart_seconds(AT, members[:1]) == 3
    assert apart_seconds(AT, ()) == 0


@pytest.mark.parametrize(
    ("other", "words", "broken"),
    [
        ({"database": None}, "no backup of the database", True),
        ({"database": DatabasePosition(AT, dump="backup_20240101_020100", reason="no WAL")}, "position is not", True),
        ({"references": References(9, 0, "no key here", wanted=True)}, "was not measured: no key here", True),
        ({"references": References(9, 2, wanted=True)}, "2 of 9 files that rows name", False),
        ({"apart_seconds": 901.0}, "lie 901 s apart", False),
        ({"notes": ("Redis: there is no proven backup",)}, "there is no proven backup", False),
    ],
)
def test_what_does_not_fit_is_told_and_what_somebody_has_to_mend_is_told_apart(other, words, broken):
    """A promise of the settings that was not kept makes the run red; the product's own state does not."""
    found = judge_point(point(**other), 900)

    assert not found.fits
    assert any(words in problem for problem in found.problems)
    assert bool(found.broken) is broken


def test_where_no_wal_is_promised_the_dump_is_no_failure():
    """The point says what it is; nobody is called for it every night."""
    dump = DatabasePosition(AT, dump="backup_20240101_020100", reason="no WAL is kept of this server")

    found = judge_point(point(database=dump), 900, keeps_wal=False)

    assert not found.fits
    assert found.broken == ()


def test_what_nobody_asked_to_measure_is_no_problem():
    """Without point.references there is nothing to be missed."""
    found = judge_point(point(references=References(reason="point.references is not set")), 900)

    assert found.fits
    assert "not measured" in found.statement
