"""Which copies in a store expire: by age, but never the last that is proven, never after a failed run (I14), and never
one that a kept one needs.

An incremental backup is worth nothing without its parents: as long as it stays they all stay, and it counts as a proven
one only while each of them is there and proven too. Logs are filed by day, and no copy makes another superfluous: each
stays for its period from the end of its newest day, and the newest of each class whatever its age.

Pure: the time is an argument, and every decision says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from dr.catalog.labels import Kind, Label, Method
from dr.policy.retention_periods import FOREVER, STANDARD, Days, longest

_FAILED = "the backup run failed: nothing expires"
_NOT_WHOLE = "the backup of this kind was not whole"


class Action(StrEnum):
    """What becomes of one copy. ``RETAINED``: it should have gone, and its store did not let it."""

    KEEP = "keep"
    EXPIRE = "expire"
    RETAINED = "retained"


@dataclass(frozen=True, slots=True)
class Copy:
    """One backup in one store. ``proven``: this very copy was read back; ``elsewhere``: another store has one too.

    ``parent`` is the backup that an incremental one needs. ``keep_as`` is its class of retention. ``ends`` is when the
    newest day ended that it holds, where that is earlier than its label; ``empty``: a run that found nothing new.
    """

    label: Label
    proven: bool
    elsewhere: bool = False
    parent: Label | None = None
    keep_as: str = STANDARD
    ends: datetime | None = None
    empty: bool = False

    @property
    def moment(self) -> datetime:
        """What its age is counted from."""
        return self.label.created if self.ends is None else min(self.ends, self.label.created)

    @property
    def group(self) -> tuple[Kind, str]:
        """Only copies of one kind and class make each other superfluous."""
        return self.label.kind, self.keep_as


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to a copy, and the reason in words."""

    copy: Copy
    action: Action
    reason: str


@dataclass(frozen=True, slots=True)
class Rule:
    """Keep ``days``; whatever their age, keep the newest ``min_keep`` proven copies of each kind.

    ``alone_days``, where given, is for a copy whose content no other store has.
    """

    days: Days
    min_keep: int = 1
    alone_days: Days | None = None

    def __post_init__(self) -> None:
        if self.min_keep < 1 or any(days not in (None, FOREVER) and days < 1 for days in (self.days, self.alone_days)):
            raise ValueError("a retention rule needs days >= 1 and min_keep >= 1")

    def days_for(self, copy: Copy) -> Days:
        """How long this copy stays."""
        return self.days if copy.elsewhere or self.alone_days is None else longest(self.days, self.alone_days)


def plan_expiry(
    copies: Iterable[Copy],
    rule: Rule | Callable[[Copy], Rule],
    now: datetime,
    *,
    run_succeeded: bool = True,
    failed: Collection[Kind] = (),
    unreadable: Iterable[Label] = (),
    needed_by: Mapping[Label, str] | None = None,
) -> tuple[Decision, ...]:
    """Decide on each copy, newest first. Unproven copies never count as the ones that make others superfluous.

    ``failed`` are the kinds whose part of a run was not whole: nothing of these goes, of the others it may.
    ``unreadable`` are backups whose manifest nobody can read: they stay, and so does whatever they may need.
    ``needed_by`` has the copies that something else needs, with the words for it: they stay.
    """
    ordered = sorted(copies, key=lambda item: (item.moment, item.label), reverse=True)
    by_label = {item.label: item for item in ordered}
    decisions: list[Decision] = []
    kept_proven: Counter[tuple[Kind, str]] = Counter()
    kept_empty: Counter[tuple[Kind, str]] = Counter()
    for copy in ordered:
        whole = _restorable(copy, by_label)
        newer = kept_proven[copy.group] + (kept_empty[copy.group] if copy.empty else 0)
        own = rule if isinstance(rule, Rule) else rule(copy)
        doubt = _NOT_WHOLE if copy.label.kind in failed else "" if run_succeeded else _FAILED
        decision = _decide(copy, own, now, newer, doubt, whole=whole)
        # Kept before its parents are looked for: what a recovery point needs is needed with all that it builds on.
        decision = _spare(decision, needed_by or {})
        # A label from the future tells of a wrong clock, not of the newest copy: it makes no other superfluous.
        if decision.action is Action.KEEP and whole and copy.label.created <= now:
            (kept_empty if copy.empty else kept_proven)[copy.group] += 1
        decisions.append(decision)
    needed = _needed(decisions, by_label) | _perhaps_needed(unreadable, ordered)
    return tuple(_spare(decision, needed) for decision in decisions)


def removal_order(decisions: Iterable[Decision]) -> tuple[Copy, ...]:
    """The copies that expire, each before those it needs: an expiry that is cut off leaves no child without parent, and
    no recovery point without what it names.
    """
    going = {item.copy.label: item.copy for item in decisions if item.action is Action.EXPIRE}
    depth = {label: len(_parents(copy, going)) for label, copy in going.items()}

    def first(label: Label) -> tuple[bool, int, Label]:
        return label.kind is Kind.POINT, depth[label], label

    return tuple(going[label] for label in sorted(going, key=first, reverse=True))


def _parents(copy: Copy, by_label: Mapping[Label, Copy]) -> list[Label]:
    """What a copy needs, nearest first; a parent that is not there is the last. Manifests that go in a circle end."""
    found: list[Label] = []
    current: Copy | None = copy
    while current is not None and current.parent is not None and current.parent not in found:
        found.append(current.parent)
        current = by_label.get(current.parent)
    return found


def _restorable(copy: Copy, by_label: Mapping[Label, Copy]) -> bool:
    """Proven, and all that it needs is here and proven."""
    parents = _parents(copy, by_label)
    if copy.label in parents:
        return False
    return copy.proven and all(label in by_label and by_label[label].proven for label in parents)


def _needed(decisions: Iterable[Decision], by_label: Mapping[Label, Copy]) -> dict[Label, str]:
    """What is needed by a copy that stays, and by which."""
    needed: dict[Label, str] = {}
    for decision in decisions:
        if decision.action is Action.KEEP:
            for label in _parents(decision.copy, by_label):
                needed.setdefault(label, f"{decision.copy.label} needs it")
    return needed


def _perhaps_needed(unreadable: Iterable[Label], newest_first: Iterable[Copy]) -> dict[Label, str]:
    """An incremental backup hangs on the newest one before it, and so on back to a full one."""
    bases = [copy.label for copy in newest_first if copy.label.kind is Kind.BASE]
    needed: dict[Label, str] = {}
    for child in unreadable:
        if child.method is not Method.INCREMENTAL:
            continue
        for label in (label for label in bases if label < child):
            needed.setdefault(label, f"{child}, whose manifest cannot be read, may need it")
            if label.method is Method.FULL:
                break
    return needed


def _spare(decision: Decision, needed: Mapping[Label, str]) -> Decision:
    reason = needed.get(decision.copy.label)
    if decision.action is Action.KEEP or reason is None:
        return decision
    return Decision(decision.copy, Action.KEEP, reason)


def _decide(copy: Copy, rule: Rule, now: datetime, newer_proven: int, doubt: str, *, whole: bool) -> Decision:
    """``doubt`` is why nothing of its kind goes in this run, whatever its age."""
    if now < copy.label.created:
        return Decision(copy, Action.KEEP, "its label lies in the future: kept, and not counted")
    days, name = rule.days_for(copy), _name(copy)
    if days == FOREVER:
        return Decision(copy, Action.KEEP, f"kept for ever{_why(days, rule)}")
    age = now - copy.moment
    if age <= timedelta(days=days):
        return Decision(copy, Action.KEEP, f"{_age(age)} old, kept for {days} days{_why(days, rule)}")
    if doubt:
        return Decision(copy, Action.KEEP, doubt)
    if newer_proven < rule.min_keep:
        if whole:
            return Decision(copy, Action.KEEP, f"one of the newest {rule.min_keep} proven {name} backups")
        return Decision(copy, Action.KEEP, f"fewer than {rule.min_keep} newer {name} backups are proven")
    return Decision(
        copy,
        Action.EXPIRE,
        f"{_age(age)} old, kept for {days} days; {newer_proven} newer proven {name}",
    )


def _name(copy: Copy) -> str:
    return str(copy.label.kind) if copy.keep_as == STANDARD else copy.keep_as


def _why(days: Days, rule: Rule) -> str:
    return "" if days == rule.days else ": no other store has it"


def _age(age: timedelta) -> str:
    hours = age.total_seconds() / 3600
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.1f} days"
