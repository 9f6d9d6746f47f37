"""Whether a backup's size is believable next to its predecessors (I12): a tenth of the usual is no success."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

ENOUGH_HISTORY = 3
LOWEST, HIGHEST = 0.5, 2.0
SMALL_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class SizeJudgement:
    """Whether the size is in band, and in words against what."""

    in_band: bool
    reason: str


def judge_size(stored_bytes: int, earlier: Sequence[int]) -> SizeJudgement:
    """Compare with the median of earlier backups of the same kind; too few or tiny ones say nothing."""
    if len(earlier) < ENOUGH_HISTORY:
        return SizeJudgement(True, f"{len(earlier)} earlier backups: too few to compare with")
    middle = median(earlier)
    if middle < SMALL_BYTES and stored_bytes < SMALL_BYTES:
        return SizeJudgement(True, "too small for its size to tell anything")
    ratio = stored_bytes / middle if middle else float("inf")
    words = f"{ratio:.0%} of the median of the last {len(earlier)}"
    return SizeJudgement(LOWEST <= ratio <= HIGHEST, words)
