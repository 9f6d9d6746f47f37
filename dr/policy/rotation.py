"""Which stored copies to read again today, so that each is read at least once in so many days. Pure.

Like ``restic check --read-data-subset`` in purpose, but by the age of each copy's last proof instead of a fixed split:
a day on which nothing ran is made up for, and a copy whose last proof failed is read every day until it passes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

_SLACK = timedelta(hours=12)
"""Runs do not begin at the same second every day: what would be too old tomorrow is read today."""


class Reason(StrEnum):
    """Why a copy is read."""

    NEW = "not read again since it was published"
    FAILED = "its last proof failed"
    DUE = "its last proof is as old as it may be"
    SHARE = "today's share"
    ASKED = "asked for"


@dataclass(frozen=True, slots=True)
class Copy:
    """One store's copy of something. ``read_at``: when it was last read whole; ``fresh`` False once that was after
    its publication; ``failed``: that reading found it damaged.
    """

    name: str
    store: str
    stored_bytes: int
    read_at: datetime | None
    fresh: bool = False
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """A copy to read, and why."""

    copy: Copy
    reason: Reason


def choose_copies(copies: Iterable[Copy], now: datetime, days: int) -> tuple[Chosen, ...]:
    """New and failed ones, those that would be older than ``days`` tomorrow, and the longest unread of the rest until
    a ``days``-th part of all bytes is read. Raises ValueError unless ``days`` is 1 or more.
    """
    if days < 1:
        raise ValueError("every copy is read at least once in so many days: 1 or more")
    waiting = sorted(copies, key=lambda item: (item.read_at is not None, item.read_at, item.store, item.name))
    share, taken = sum(item.stored_bytes for item in waiting) / days, 0
    latest = now - timedelta(days=days - 1) + _SLACK
    chosen: list[Chosen] = []
    for item in waiting:
        reason = _reason(item, latest)
        if reason is not None:
            chosen.append(Chosen(item, reason))
            taken += item.stored_bytes
    must = {id(entry.copy) for entry in chosen}
    for item in waiting:
        if id(item) not in must and taken < share:
            chosen.append(Chosen(item, Reason.SHARE))
            taken += item.stored_bytes
    return tuple(chosen)


def _reason(item: Copy, latest: datetime) -> Reason | None:
    if item.failed:
        return Reason.FAILED
    if item.fresh or item.read_at is None:
        return Reason.NEW
    return Reason.DUE if item.read_at <= latest else None
