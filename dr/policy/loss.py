"""How much a recovery has lost: measured, at most so much, or not known. Pure: every time comes from outside.

A canary tells only while it lives. One that had died long before the disaster knows nothing of what was committed in
between, and a host that is new knows none: then there is what the copy itself has, up to its last commit, and a time
after which nothing can have been committed. What lies between the two is the most that can be lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from dr.catalog.canary import Beat

SILENCE = timedelta(seconds=60)
"""How long before the end a canary may have been silent and still be held for alive: it beats every second."""


class Certainty(StrEnum):
    """What a figure is worth."""

    MEASURED = "measured"
    AT_MOST = "at most"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a recovery. Times of rows and commits are the database server's.

    ``restored`` is the last canary row of the copy, ``last`` the last one that was seen to be committed. ``committed``
    is the last commit that the copy has, as its replay has told; all that was committed by ``complete_until`` is in it.

    ``struck`` is when it happened, as somebody has said, ``ended`` a time after which nothing can have been lost: when
    the database was stopped, or the recovery began.
    """

    restored: Beat | None
    ended: datetime
    last: Beat | None = None
    committed: datetime | None = None
    complete_until: datetime | None = None
    struck: datetime | None = None

    @property
    def until(self) -> datetime:
        """Up to when losses are counted."""
        return self.struck or self.ended


@dataclass(frozen=True, slots=True)
class Judged:
    """``seconds`` None: not known. ``explanation`` is a part of a sentence."""

    certainty: Certainty
    seconds: float | None
    explanation: str


def judge_loss(known: Known) -> Judged:
    """Measured only by a canary that was alive at the end; otherwise bounded by what the copy has; else not known."""
    restored, last = known.restored, known.last
    if last is not None and (restored is None or last.seq < restored.seq):
        last = None  # of another life of this database: it tells nothing
    if restored is not None and last is not None and known.until - last.committed_at <= SILENCE:
        words = f"canary {last.seq} was committed last, {restored.seq} was restored"
        return Judged(Certainty.MEASURED, _between(restored.committed_at, last.committed_at), words)
    there = _there(known)
    if there is None:
        words = "the restored database has no canary row: run 'dr canary' on the production system"
        return Judged(Certainty.UNKNOWN, None, words)
    moment, what = there
    seconds = _between(moment, known.until)
    if restored is not None and last is not None:
        seconds = max(seconds, _between(restored.committed_at, last.committed_at))
    return Judged(Certainty.AT_MOST, seconds, f"at most: {_why(known, last)}; {what}, {_counted(known)}")


def drilled_loss(canary: Beat, moment: datetime, committed: datetime | None) -> float | None:
    """What a recovery to ``moment`` would have lost, by the last canary row of the copy that shows it; seconds.

    None where the copy has commits from long after that row (``committed``): the canary had died, and measures nothing.
    """
    if committed is not None and committed - canary.committed_at > SILENCE:
        return None
    return _between(canary.committed_at, moment)


def _there(known: Known) -> tuple[datetime, str] | None:
    """The latest of what is surely in the copy."""
    found = []
    if known.restored is not None:
        beat = known.restored
        found.append((beat.committed_at, f"canary {beat.seq} of {_time(beat.committed_at)} was restored"))
    if known.committed is not None:
        found.append((known.committed, f"the last commit that was restored is of {_time(known.committed)}"))
    if known.complete_until is not None:
        found.append((known.complete_until, f"all that was committed by {_time(known.complete_until)} is there"))
    return max(found, key=lambda item: item[0], default=None)


def _why(known: Known, last: Beat | None) -> str:
    """Why it is not measured."""
    if known.restored is None:
        return "the restored database has no canary row"
    if last is None:
        return "this host does not know the last canary"
    silent = (known.until - last.committed_at).total_seconds()
    return f"the last canary known, {last.seq}, was silent for {silent:.0f} s by then, or had died"


def _counted(known: Known) -> str:
    if known.struck is not None:
        return f"counted until {_time(known.struck)}, when it happened"
    return f"counted until {_time(known.ended)}, for nobody said when it happened (--disaster-at)"


def _between(one: datetime, other: datetime) -> float:
    """Clocks may go back; losses do not."""
    return max((other - one).total_seconds(), 0.0)


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
