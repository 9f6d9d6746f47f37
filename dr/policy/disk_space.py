"""Is a disk full, or about to be? Pure. A database that cannot write stops, and so does every backup."""

from __future__ import annotations

from dataclasses import dataclass

from dr.policy.observation import Condition, Observation, Subject

NEARLY_FULL, FULL = 0.85, 0.97


@dataclass(frozen=True, slots=True)
class Space:
    """Of one file system, bytes and files as ordinary users see them: what is kept for root counts as taken."""

    used: int
    free: int
    files: int
    files_free: int
    read_only: bool = False

    @property
    def taken(self) -> float:
        """The share that is taken, as df counts it."""
        total = self.used + self.free
        return self.used / total if total else 0.0

    @property
    def files_taken(self) -> float:
        """The share of the files there can be; 0 where a file system sets no limit."""
        return 1 - self.files_free / self.files if self.files else 0.0


def judge_space(path: str, space: Space) -> Observation:
    """``shown`` is the guide's: ``OK (67%)``."""
    percent = f"{space.taken:.0%}"
    said = f"{path}: {percent} taken, {space.free / 1e9:.1f} GB free"
    if space.files_taken >= NEARLY_FULL:
        said += f", {space.files_taken:.0%} of the files that it can hold"
    worst = max(space.taken, space.files_taken)

    def told(condition: Condition, shown: str, detail: str = said) -> Observation:
        return Observation(Subject.DISK, condition, shown, detail, path, figure=worst)

    if space.read_only:
        return told(Condition.DOWN, "READ-ONLY", f"{said}, mounted read-only")
    if worst >= FULL:
        return told(Condition.DOWN, f"FULL ({worst:.0%})")
    if worst >= NEARLY_FULL:
        return told(Condition.IMPAIRED, f"NEARLY FULL ({worst:.0%})")
    return told(Condition.OK, f"OK ({percent})")
