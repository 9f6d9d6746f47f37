"""A disk is told by the share that is taken, of bytes and of files."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dr.policy.disk_space import Space, judge_space
from dr.policy.observation import Condition

HALF = Space(used=67, free=33, files=1000, files_free=900)


def test_the_guide_s_line():
    """``Disk: OK (67%)``."""
    said = judge_space("/srv", HALF)

    assert (said.condition, said.shown, said.figure) == (Condition.OK, "OK (67%)", 0.67)


@pytest.mark.parametrize(
    ("space", "condition", "shown"),
    [
        (replace(HALF, used=84, free=16), Condition.OK, "OK (84%)"),
        (replace(HALF, used=85, free=15), Condition.IMPAIRED, "NEARLY FULL (85%)"),
        (replace(HALF, used=97, free=3), Condition.DOWN, "FULL (97%)"),
        (replace(HALF, used=100, free=0), Condition.DOWN, "FULL (100%)"),
        (replace(HALF, files_free=20), Condition.DOWN, "FULL (98%)"),
        (replace(HALF, read_only=True), Condition.DOWN, "READ-ONLY"),
        (Space(0, 0, 0, 0), Condition.OK, "OK (0%)"),
    ],
)
def test_what_is_full(space, condition, shown):
    """Bytes, files, and what nobody can write to; a file system without figures is not full."""
    said = judge_space("/srv", space)

    assert (said.condition, said.shown) == (condition, shown)
