"""A backup of a believable size, next to its predecessors (I12)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.policy.size_band import ENOUGH_HISTORY, SMALL_BYTES, judge_size

MB = 1_000_000
SIZES = st.integers(0, 10**15)


@pytest.mark.incident("I12")
@pytest.mark.parametrize(
    "size, in_band", [(14, False), (49 * MB, False), (50 * MB, True), (200 * MB, True), (201 * MB, False)]
)
def test_far_from_the_usual_size_is_out_of_band(size, in_band):
    """14 bytes after months of 100 MB are no success; half and double are growth."""
    judged = judge_size(size, [100 * MB, 90 * MB, 110 * MB])

    assert judged.in_band is in_band
    assert "of the median of the last 3" in judged.reason


def test_one_odd_predecessor_does_not_move_the_measure():
    """The median, not the mean."""
    assert judge_size(100 * MB, [100 * MB, 100 * MB, 100 * MB, 14, 9_000 * MB]).in_band


@given(SIZES, st.lists(SIZES, max_size=ENOUGH_HISTORY - 1))
def test_too_short_a_history_says_nothing_and_says_so(size, earlier):
    """A new system is not alarmed about."""
    judged = judge_size(size, earlier)

    assert judged.in_band
    assert "too few" in judged.reason


@given(SIZES, st.lists(SIZES, max_size=9))
def test_every_judgement_has_words(size, earlier):
    """Whatever the sizes, zero included."""
    assert judge_size(size, earlier).reason


@given(st.integers(ENOUGH_HISTORY, 9), st.integers(SMALL_BYTES, 10**12))
def test_the_usual_size_is_always_in_band(count, size):
    """No cry of wolf."""
    assert judge_size(size, [size] * count).in_band


def test_databases_of_nothing_may_double():
    """Below a megabyte a few rows more are no anomaly."""
    assert judge_size(9_000, [1_000] * 5).in_band
    assert not judge_size(900 * MB, [1_000] * 5).in_band
    assert not judge_size(900 * MB, [0] * 5).in_band
