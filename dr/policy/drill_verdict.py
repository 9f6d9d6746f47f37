"""What a drill says in the end: recoverable, not recoverable, or inconclusive. Pure.

A backup is never called bad for what the drill's host lacks, and never good for what was not asked (I27, I29).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from dr.catalog.manifest import Level


class Answer(StrEnum):
    """What one question got for an answer. ``UNPROVEN``: it could not be asked here."""

    PASSED = "passed"
    FAILED = "FAILED"
    UNPROVEN = "not proven"


@dataclass(frozen=True, slots=True)
class Probe:
    """One question to a restored copy, at the level that it belongs to.

    ``essential``: without an answer nothing can be said of the backup, so the drill is inconclusive.
    """

    name: str
    answer: Answer
    detail: str
    level: Level = Level.QUERIED
    essential: bool = False


class Verdict(StrEnum):
    """The three ends of a drill."""

    RECOVERABLE = "recoverable"
    NOT_RECOVERABLE = "not recoverable"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict, the level that is proven, and why.

    ``level`` is the highest level reached; of a failed one the first that was not. None: not even stored.
    ``unproven`` names what was not asked although it would have been good to know.
    """

    verdict: Verdict
    level: Level | None
    reasons: tuple[str, ...]
    unproven: tuple[str, ...] = ()

    def __str__(self) -> str:
        shown = "" if self.level is None else self.level.name.lower().replace("_", "-")
        where = f": not {shown}" if self.verdict is Verdict.NOT_RECOVERABLE else f", {shown}" if shown else ""
        return f"{self.verdict}{where}"


def judge(probes: Sequence[Probe], reached: Level | None) -> Judgement:
    """``reached`` is the highest level that the run itself came to; failed probes pull it below their own.

    What failed outweighs what could not be asked.
    """
    failed = [item for item in probes if item.answer is Answer.FAILED]
    unproven = [item for item in probes if item.answer is Answer.UNPROVEN]
    names = tuple(f"{item.name}: {item.detail}" for item in unproven)
    if failed:
        level = min(item.level for item in failed)
        return Judgement(Verdict.NOT_RECOVERABLE, level, tuple(f"{item.name}: {item.detail}" for item in failed), names)
    lacking = [item for item in unproven if item.essential]
    if lacking:
        below = [level for level in Level if level < min(item.level for item in lacking)]
        proven = min((below[-1] if below else None, reached), key=lambda item: item or 0)
        return Judgement(Verdict.INCONCLUSIVE, proven, tuple(f"{item.name}: {item.detail}" for item in lacking), names)
    return Judgement(Verdict.RECOVERABLE, reached, (), names)
