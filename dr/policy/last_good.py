"""The last moment at which a database was good, found by asking recovered copies: a search in halves. Pure.

What a disk breaks is not in the WAL: a base backup of before, with all WAL, is good at its very end, and nothing is
lost. What a statement breaks is in the WAL: then the transaction that did it is searched for; all before it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dr.catalog.lsn import Lsn
from dr.errors import TargetRefused
from dr.policy.recovery_target import RecoveryTarget, TargetKind

_LATEST = RecoveryTarget()
_BASE = RecoveryTarget(TargetKind.IMMEDIATE)


@dataclass(frozen=True, slots=True)
class Trial:
    """A copy to be made and asked: of which base backup, replayed up to where."""

    label: str
    until: RecoveryTarget

    def __str__(self) -> str:
        return f"{self.label} up to {self.until}"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a copy answered; ``said`` is why it is not good, or what was seen."""

    trial: Trial
    good: bool
    said: str = ""

    def __str__(self) -> str:
        return f"{self.trial}: {'good' if self.good else 'NOT good'}" + (f" ({self.said})" if self.said else "")


@dataclass(frozen=True, slots=True)
class Commit:
    """Where a transaction ended, and when by the server's clock."""

    xid: int
    lsn: Lsn
    time: datetime


@dataclass(frozen=True, slots=True)
class LastGood:
    """Recover ``label`` to ``until``: good there. ``culprit`` is the first commit after which it was not.

    ``exact`` False: the trials were used up; between ``until`` and the first bad moment lies more that may be good.
    """

    label: str
    until: RecoveryTarget
    exact: bool
    asked: tuple[Asked, ...]
    culprit: Commit | None = None
    remaining: int = 0

    def lines(self) -> tuple[str, ...]:
        """As a person reads it."""
        if self.culprit is not None and self.exact:
            when = f"{self.culprit.time.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC"
            found = f"transaction {self.culprit.xid}, committed at {when}, is the first after which it is not good"
        elif self.exact and self.until == _LATEST:
            found = "good with all the WAL there is: what broke it is not in the WAL, and nothing is lost"
        elif self.exact:
            found = f"good up to {self.until}, and not behind it"
        else:
            found = (
                f"good up to {self.until}; the trials were used up with {self.remaining} candidates left behind that"
            )
        return (found, *(f"asked {item}" for item in self.asked))


class _UsedUp(Exception):
    """No further trial is allowed."""


@dataclass(slots=True)
class _Asking:
    ask: Callable[[Trial], Asked]
    limit: int
    asked: list[Asked] = field(default_factory=list)

    def __call__(self, label: str, until: RecoveryTarget) -> bool:
        if len(self.asked) >= self.limit:
            raise _UsedUp
        self.asked.append(self.ask(Trial(label, until)))
        return self.asked[-1].good


def find_last_good(
    bases: Sequence[str],
    ask: Callable[[Trial], Asked],
    marks_of: Callable[[str], Sequence[Lsn]],
    commits_of: Callable[[str, Lsn | None, Lsn | None], Sequence[Commit]],
    *,
    limit: int,
    on_disk: bool,
) -> LastGood:
    """Search with at most ``limit`` trials. ``bases`` are labels, newest first.

    ``marks_of`` a base are places in the WAL behind it, rising; ``commits_of`` a base those between two of them, None
    being either end. ``on_disk``: the damage may be a disk's, so older bases are tried with all WAL too. Raises
    ``TargetRefused`` when no backup is good.
    """
    asking = _Asking(ask, limit)
    base, good = "", _BASE
    try:
        if asking(bases[0], _LATEST):
            return LastGood(bases[0], _LATEST, exact=True, asked=tuple(asking.asked))
        base = _good_base(bases, asking)
        if on_disk and base != bases[0] and asking(base, _LATEST):
            return LastGood(base, _LATEST, exact=True, asked=tuple(asking.asked))
    except _UsedUp:
        if not base:
            raise _none(asking.asked) from None
        return LastGood(base, good, exact=False, asked=tuple(asking.asked))
    return _within(base, asking, marks_of(base), commits_of)


def _good_base(bases: Sequence[str], asking: _Asking) -> str:
    for label in bases:
        if asking(label, _BASE):
            return label
    raise _none(asking.asked)


def _within(
    base: str,
    asking: _Asking,
    marks: Sequence[Lsn],
    commits_of: Callable[[str, Lsn | None, Lsn | None], Sequence[Commit]],
) -> LastGood:
    """First the stretch between two marks, then the commit in it."""
    good = _BASE
    low, high = -1, len(marks)
    left = high
    try:
        while high - low > 1:
            middle = (low + high) // 2
            until = RecoveryTarget(TargetKind.LSN, lsn=marks[middle], inclusive=False)
            if asking(base, until):
                low, good = middle, until
            else:
                high = middle
            left = high - low
        commits = commits_of(base, marks[low] if low >= 0 else None, marks[high] if high < len(marks) else None)
        # Behind the last commit it is as at the end of the stretch, which is known to be bad.
        low, high = -1, len(commits) - 1
        while high - low > 1:
            left = high - low
            middle = (low + high) // 2
            until = RecoveryTarget(TargetKind.LSN, lsn=commits[middle].lsn)
            if asking(base, until):
                low, good = middle, until
            else:
                high = middle
    except _UsedUp:
        return LastGood(base, good, exact=False, asked=tuple(asking.asked), remaining=left)
    if not commits:
        return LastGood(base, good, exact=True, asked=tuple(asking.asked))
    culprit = commits[high]
    before = RecoveryTarget(TargetKind.LSN, lsn=culprit.lsn, inclusive=False)
    return LastGood(base, before, exact=True, asked=tuple(asking.asked), culprit=culprit)


def _none(asked: Sequence[Asked]) -> TargetRefused:
    return TargetRefused(
        "no copy that was tried is good",
        detail="; ".join(map(str, asked)),
        hint="See whether what is asked (--good-when) was ever true; allow more trials (--trials), or name a backup.",
    )
