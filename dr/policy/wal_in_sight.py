"""How safe is what is committed now: by what the receiver tells, and by the WAL that the stores have. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from dr.catalog.lsn import Lsn
from dr.policy.drill_age import shown
from dr.policy.observation import Condition, Observation, Subject

_HUNG = timedelta(seconds=60)
"""The receiver tells its state every second."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """What the receiver of this host told at ``updated``; ``alive``: its process runs now.

    Every commit that was acknowledged by ``stored_until`` is in a store. ``base_needed`` says why only a new base
    backup helps.
    """

    alive: bool
    updated: datetime
    stored_until: datetime | None = None
    waiting_segments: int = 0
    oldest_waiting_seconds: float = 0.0
    base_needed: str = ""
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recoverable:
    """What the stores have together: up to when it can be recovered, and why it cannot (``broken``); gaps by number.

    ``end`` is where the WAL of ``timeline`` ends.
    """

    newest: datetime | None
    broken: str = ""
    gaps: int = 0
    end: Lsn | None = None
    timeline: int | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """Where the server's WAL was flushed to at ``server_time``, by its own clock."""

    server_time: datetime
    lsn: Lsn
    timeline: int | None


@dataclass(frozen=True, slots=True)
class WalSeen:
    """All that is known of the WAL; None where nobody told."""

    receiver: Receiver | None = None
    stored: Recoverable | None = None
    written: Written | None = None

    @property
    def safe_until(self) -> datetime | None:
        """Up to when commits are safe; None when nothing tells. An idle server's are safe up to now."""
        known: list[datetime | None] = []
        if self.stored is not None and not self.stored.broken:
            known.append(self.stored.newest)
            if self.written is not None and self.written.timeline == self.stored.timeline:
                end = self.stored.end
                known += [self.written.server_time] if end is not None and self.written.lsn <= end else []
        if self.receiver is not None and self.receiver.alive and not self.receiver.base_needed:
            known.append(self.receiver.stored_until)
        return max((moment for moment in known if moment is not None), default=None)


def judge_wal(method: str, seen: WalSeen, rpo_seconds: float, now: datetime) -> Observation | None:
    """None when neither a receiver nor a store told anything: a store's silence is told by itself.

    ``method`` is ``wal.method``; ``rpo_seconds`` how far behind it may be.
    """
    if method == "none":
        return Observation(Subject.WAL, Condition.ABSENT, "not configured", "only whole backups are kept (wal.method)")
    receiver, stored = seen.receiver, seen.stored
    broken = (receiver.base_needed if receiver else "") or (stored.broken if stored else "")
    if broken:
        said = f"what is committed now cannot be recovered until a new base backup is made: {broken}"
        return Observation(Subject.WAL, Condition.DOWN, "BROKEN", said)
    if receiver is None and stored is None:
        return None
    problems = _problems(receiver, rpo_seconds, now)
    until = seen.safe_until
    if until is None:
        problems.append("nothing tells up to when commits are safe")
        return Observation(Subject.WAL, Condition.IMPAIRED, "UNKNOWN", "; ".join(problems))
    behind = max(now - until, timedelta(0))
    said = f"all commits up to {until:%Y-%m-%d %H:%M:%S} UTC are safe, {shown(behind)} ago"
    if behind.total_seconds() > rpo_seconds:
        problems.append(f"the objective is {shown(timedelta(seconds=rpo_seconds))}")
    more = [f"{stored.gaps} gaps in older WAL"] if stored is not None and stored.gaps else []
    more += receiver.problems if receiver is not None else ()
    detail = "; ".join((said, *problems, *more))
    if problems:
        return Observation(Subject.WAL, Condition.IMPAIRED, f"{shown(behind)} behind", detail)
    return Observation(Subject.WAL, Condition.OK, f"OK ({shown(behind)} behind)", detail)


def _problems(receiver: Receiver | None, rpo_seconds: float, now: datetime) -> list[str]:
    if receiver is None:
        return []  # it runs on another host, and the stores tell what comes of it
    if not receiver.alive:
        return [f"dr wal receive does not run on this host (last heard of {shown(now - receiver.updated)} ago)"]
    problems = []
    if now - receiver.updated > _HUNG:
        problems.append(f"the receiver has told nothing for {shown(now - receiver.updated)}")
    if receiver.oldest_waiting_seconds > rpo_seconds:
        waits = shown(timedelta(seconds=receiver.oldest_waiting_seconds))
        problems.append(f"{receiver.waiting_segments} segments wait to be stored, the oldest for {waits}")
    return problems
