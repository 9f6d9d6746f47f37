"""Retention with incremental backups: whatever stays can be restored, at every moment of the expiry (I14)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.labels import Kind, Label, Method
from dr.policy.retention import Action, Copy, Rule, plan_expiry, removal_order

BEGIN = datetime(2024, 1, 1, 2, tzinfo=UTC)
EVENTS = ("full", "incr", "incr", "incr", "corrupt", "rots", "lost", "failed")
RULES = st.builds(Rule, days=st.integers(1, 20), min_keep=st.integers(1, 3))
HISTORIES = st.lists(
    st.tuples(st.integers(-30, 24 * 6), st.sampled_from(EVENTS), st.integers(0, 100)), min_size=1, max_size=40
)


def _restorable(copy: Copy, copies: list[Copy]) -> bool:
    """Proven, and so is every parent, all of them here."""
    by_label = {item.label: item for item in copies}
    seen = set()
    current: Copy | None = copy
    while current is not None and current.label not in seen:
        if not current.proven:
            return False
        if current.parent is None:
            return True
        seen.add(current.label)
        current = by_label.get(current.parent)
    return False


def _whole(copy: Copy, copies: list[Copy]) -> bool:
    """Every parent is here, proven or not."""
    everyone_proven = [Copy(item.label, True, parent=item.parent) for item in copies]
    return _restorable(Copy(copy.label, True, parent=copy.parent), everyone_proven)


def _happen(event: str, which: int, now: datetime, copies: list[Copy]) -> list[Copy]:
    """The copies after one event; a clock that went back gives an incremental one a label before its parent's."""
    if event in ("full", "corrupt"):
        added = Copy(Label(now, Kind.BASE), proven=event == "full")
    elif event == "incr" and copies:
        added = Copy(Label(now, Kind.BASE, Method.INCREMENTAL), proven=True, parent=copies[-1].label)
    elif copies and event == "rots":
        victim = copies[which % len(copies)]
        return [Copy(item.label, False, parent=item.parent) if item is victim else item for item in copies]
    elif copies and event == "lost":
        return [item for item in copies if item is not copies[which % len(copies)]]
    else:
        return copies
    return copies if added.label in {item.label for item in copies} else [*copies, added]


@pytest.mark.incident("I14")
@given(HISTORIES, RULES)
def test_no_history_leaves_an_incremental_backup_without_what_it_needs(history, rule):
    """Fulls, increments, corrupt and rotten and lost copies, clocks that go back: a kept chain is kept whole."""
    copies: list[Copy] = []
    now = BEGIN
    for hours, event, which in history:
        now += timedelta(hours=hours)
        copies = _happen(event, which, now, copies)
        before = [item for item in copies if _whole(item, copies)]
        # A label ahead of the clock is kept and makes no other superfluous, so it is not among those that count.
        restorable = [item for item in copies if _restorable(item, copies) and item.label.created <= now]

        decisions = plan_expiry(copies, rule, now, run_succeeded=event != "failed")
        expired = [item.copy for item in decisions if item.action is Action.EXPIRE]
        copies = [item for item in copies if item not in expired]

        assert event != "failed" or not expired
        assert all(_whole(item, copies) for item in before if item in copies)
        left = [item for item in restorable if item in copies and _restorable(item, copies)]
        assert len(left) >= min(rule.min_keep, len(restorable))
        if restorable:
            assert max(restorable, key=lambda item: item.label) in left


@given(HISTORIES, RULES)
def test_an_expiry_that_is_cut_off_leaves_no_child_without_its_parent(history, rule):
    """Children go before their parents, whatever their labels say."""
    copies: list[Copy] = []
    now = BEGIN
    for hours, event, which in history:
        now += timedelta(hours=hours)
        copies = _happen(event, which, now, copies)
    whole = [item for item in copies if _whole(item, copies)]
    decisions = plan_expiry(copies, rule, now + timedelta(days=30), run_succeeded=True)

    going = removal_order(decisions)

    assert {item.label for item in going} == {item.copy.label for item in decisions if item.action is Action.EXPIRE}
    for count in range(len(going)):
        left = [item for item in copies if item not in going[:count]]
        assert all(_whole(item, left) for item in whole if item in left)


def test_the_reason_for_keeping_an_old_parent_names_who_needs_it():
    """An operator who wonders why it is still there is told."""
    full = Copy(Label(BEGIN, Kind.BASE), proven=True)
    child = Copy(Label(BEGIN + timedelta(days=6), Kind.BASE, Method.INCREMENTAL), proven=True, parent=full.label)

    decisions = plan_expiry([full, child], Rule(7), BEGIN + timedelta(days=10), run_succeeded=True)

    assert decisions[1].action is Action.KEEP
    assert decisions[1].reason == f"{child.label} needs it"


def test_manifests_that_name_each_other_as_parents_are_decided_on_all_the_same():
    """Somebody's edit, or damage that parses: no endless walk, and neither counts as a backup."""
    labels = [Label(BEGIN + timedelta(days=day), Kind.BASE, Method.INCREMENTAL) for day in range(2)]
    circle = [Copy(labels[0], True, parent=labels[1]), Copy(labels[1], True, parent=labels[0])]
    older = Copy(Label(BEGIN - timedelta(days=1), Kind.BASE), proven=True)

    decisions = plan_expiry([*circle, older], Rule(7), BEGIN + timedelta(days=90), run_succeeded=True)

    assert [item.action for item in decisions] == [Action.KEEP] * 3
    assert decisions[2].reason == "one of the newest 1 proven base backups"


def test_what_an_unreadable_incremental_backup_may_need_stays():
    """It may be of a newer version of this program: back to the full one before it nothing goes, older ones do."""
    labels = [
        Label(BEGIN + timedelta(days=day), Kind.BASE, method)
        for day, method in enumerate((Method.FULL, Method.FULL, Method.INCREMENTAL, Method.INCREMENTAL, Method.FULL))
    ]
    oldest, full, child, unreadable, newest = labels
    copies = [Copy(oldest, True), Copy(full, True), Copy(child, True, parent=full), Copy(newest, True)]

    decisions = plan_expiry(copies, Rule(7), BEGIN + timedelta(days=60), run_succeeded=True, unreadable=[unreadable])

    expired = [item.copy.label for item in decisions if item.action is Action.EXPIRE]
    assert expired == [oldest]
    assert [item.reason for item in decisions[1:3]] == [f"{unreadable}, whose manifest cannot be read, may need it"] * 2
