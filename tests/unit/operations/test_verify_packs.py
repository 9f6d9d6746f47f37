"""The packs' rotation: each at least once in so many days whatever days had no run, damage every day."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dr.operations.verify.packs import is_due
from dr.operations.verify.wal import Rotation

TODAY = 739_000
KEYS = [f"shop/files-packs/files_20240101_020000-{number:05d}-ab12cd34.tar.zst.gpg" for number in range(60)]


@settings(max_examples=40)
@given(st.integers(1, 10), st.lists(st.integers(1, 12), min_size=3, max_size=12))
def test_no_pack_is_left_out_whatever_days_had_no_run(days: int, pauses: list[int]) -> None:
    """In every stretch of ``days`` days with a run at its end, each is read."""
    rotation, today = Rotation(TODAY), TODAY
    last = dict.fromkeys(KEYS, TODAY)
    for pause in pauses:
        today += pause
        last |= {key: today for key in KEYS if is_due(key, rotation, today, days)}
        rotation = Rotation(today)

        assert all(today - day < days for day in last.values())


def test_a_day_reads_about_its_share_and_what_was_damaged() -> None:
    """A damaged one is read every day until it passes; a store without memory reads everything."""
    assert 0 < sum(is_due(key, Rotation(TODAY), TODAY + 1, 10) for key in KEYS) < len(KEYS) // 3
    assert is_due(KEYS[0], Rotation(TODAY, (KEYS[0],)), TODAY, 10)
    assert all(is_due(key, Rotation(), TODAY, 10) for key in KEYS)
