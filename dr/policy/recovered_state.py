"""Is the recovered system back? Every question counts, and one that could not be asked is not answered. Pure.

``RECOVERED`` wants every question that was asked to be answered well. What nobody wanted to know, because the settings
name no such thing or somebody left it out on purpose, is listed and changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Said(StrEnum):
    """What one question got for an answer. ``UNPROVEN``: it should have been asked, and could not be.

    ``NOT_ASKED``: there is no such thing here, or somebody said to leave it out.
    """

    PASSED = "passed"
    FAILED = "FAILED"
    UNPROVEN = "not proven"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer. ``mend`` says what to do about one that is not good; ``seconds`` is how long it took."""

    name: str
    said: Said
    detail: str
    mend: str = ""
    seconds: float = 0.0


class State(StrEnum):
    """The three ends of a verification."""

    RECOVERED = "recovered"
    NOT_RECOVERED = "not recovered"
    UNPROVEN = "not proven"


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict; ``reasons`` are what speaks against it, the failed first, ``mend`` what to do about each."""

    state: State
    reasons: tuple[str, ...] = ()
    mend: tuple[str, ...] = ()


def judge(findings: Sequence[Finding]) -> Judged:
    """What failed outweighs what could not be asked. Nothing asked at all proves nothing."""
    failed = [item for item in findings if item.said is Said.FAILED]
    unproven = [item for item in findings if item.said is Said.UNPROVEN]
    against = (*failed, *unproven)
    reasons = tuple(f"{item.name}: {item.detail}" for item in against)
    mend = tuple(dict.fromkeys(item.mend for item in against if item.mend))
    if failed:
        return Judged(State.NOT_RECOVERED, reasons, mend)
    if unproven:
        return Judged(State.UNPROVEN, reasons, mend)
    if not any(item.said is Said.PASSED for item in findings):
        return Judged(State.UNPROVEN, ("nothing was asked",), ("Configure the system: dr config show.",))
    return Judged(State.RECOVERED)
