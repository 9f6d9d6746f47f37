"""Retention: whatever happens over the years, the last proven copies stay (I14)."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.labels import Kind, Label
from dr.policy.retention import Action, Copy, Decision, Rule, plan_expiry

BEGIN = datetime(2024, 1, 1, 2, tzinfo=UTC)
EVENTS = ("ok", "failed", "corrupt", "rots")
RULES = st.builds(Rule, days=st.integers(1, 40), min_keep=st.integers(1, 4))
COPIES = st.lists(
    st.builds(
        lambda hours, kind, proven, elsewhere: Copy(Label(BEGIN + timedelta(hours=hours), kind), proven, elsewhere),
        st.integers(0, 3000),
        st.sampled_from(Kind),
        st.booleans(),
        st.booleans(),
    ),
    unique_by=lambda copy: copy.label,
    max_size=12,
)
NOW = BEGIN + timedelta(hours=3000)


def _proven(copies: list[Copy]) -> Counter[Kind]:
    return Counter(copy.label.kind for copy in copies if copy.proven)


def _newest_proven(copies: list[Copy], kind: Kind) -> Copy | None:
    return max(
        (copy for copy in copies if copy.proven and copy.label.kind is kind), default=None, key=lambda c: c.label
    )


def _expired(decisions: tuple[Decision, ...]) -> list[Copy]:
    return [decision.copy for decision in decisions if decision.action is Action.EXPIRE]


@pytest.mark.incident("I14")
@given(
    st.lists(st.tuples(st.integers(1, 24 * 30), st.sampled_from(Kind), st.sampled_from(EVENTS)), max_size=40),
    RULES,
)
def test_no_history_of_runs_leaves_fewer_proven_copies_than_the_rule_keeps(history, rule):
    """Runs go well, fail, or store something corrupt, and copies rot: proven ones never fall below the rule."""
    copies: list[Copy] = []
    now = BEGIN
    for hours, kind, event in history:
        now += timedelta(hours=hours)
        if event in ("ok", "corrupt"):
            copies.append(Copy(Label(now, kind), proven=event == "ok"))
        elif event == "rots" and (victim := _newest_proven(copies, kind)):
            copies[copies.index(victim)] = Copy(victim.label, proven=False)
        before, newest = _proven(copies), {kind: _newest_proven(copies, kind) for kind in Kind}

        expired = _expired(plan_expiry(copies, rule, now, run_succeeded=event == "ok"))
        copies = [copy for copy in copies if copy not in expired]

        assert event == "ok" or not expired
        for each in Kind:
            assert _proven(copies)[each] >= min(rule.min_keep, before[each])
            assert _newest_proven(copies, each) == newest[each]


@given(COPIES, RULES, st.booleans())
def test_every_copy_gets_one_decision_with_its_reason_newest_first(copies, rule, succeeded):
    """Nothing is forgotten, nothing decided twice, nothing without words."""
    decisions = plan_expiry(copies, rule, NOW, run_succeeded=succeeded)

    assert [item.copy for item in decisions] == sorted(copies, key=lambda copy: copy.label, reverse=True)
    assert all(item.reason.strip() for item in decisions)


@given(COPIES, RULES)
def test_exactly_the_old_and_superfluous_expire(copies, rule):
    """After a good run: older than the rule, with enough newer proven copies of its kind; and then always."""
    expired = _expired(plan_expiry(copies, rule, NOW, run_succeeded=True))

    for copy in copies:
        newer = [other for other in copies if other.label.kind is copy.label.kind and other.label > copy.label]
        enough = sum(other.proven for other in newer) >= rule.min_keep
        assert (copy in expired) == (NOW - copy.label.created > timedelta(days=rule.days) and enough)


@pytest.mark.incident("I14")
@given(COPIES, RULES)
def test_nothing_expires_after_a_failed_run(copies, rule):
    """When backups stop working, the old ones are all there is."""
    assert not _expired(plan_expiry(copies, rule, NOW, run_succeeded=False))


@given(COPIES, RULES)
def test_the_order_in_which_copies_are_listed_does_not_matter(copies, rule):
    """Stores list by name, a repository newest first."""
    assert plan_expiry(copies, rule, NOW, run_succeeded=True) == plan_expiry(
        reversed(copies), rule, NOW, run_succeeded=True
    )


@given(COPIES, RULES)
def test_an_expiry_carried_out_leaves_nothing_more_to_expire(copies, rule):
    """Planning again at once changes nothing."""
    rest = [copy for copy in copies if copy not in _expired(plan_expiry(copies, rule, NOW, run_succeeded=True))]

    assert not _expired(plan_expiry(rest, rule, NOW, run_succeeded=True))


def test_one_kind_never_makes_the_other_superfluous():
    """Ten proven dumps do not replace the only base backup."""
    old_base = Copy(Label(BEGIN, Kind.BASE), proven=True)
    dumps = [Copy(Label(NOW - timedelta(days=day), Kind.DUMP), proven=True) for day in range(10)]

    assert old_base not in _expired(plan_expiry([old_base, *dumps], Rule(7), NOW, run_succeeded=True))


def test_a_copy_in_another_store_does_not_let_the_last_local_one_go():
    """Each store keeps its own proven copy: the other may be the one that burns."""
    only = Copy(Label(BEGIN, Kind.DUMP), proven=True, elsewhere=True)

    assert not _expired(plan_expiry([only], Rule(1), NOW, run_succeeded=True))


def test_a_copy_from_the_future_is_kept_and_makes_no_other_superfluous():
    """A clock that was wrong once must not cost a backup: that label does not tell which copy is the newest."""
    ahead = Copy(Label(NOW + timedelta(days=400), Kind.DUMP), proven=True)
    newest = Copy(Label(NOW - timedelta(days=30), Kind.DUMP), proven=True)

    decisions = plan_expiry([ahead, newest], Rule(7), NOW, run_succeeded=True)

    assert not _expired(decisions)
    assert "-" not in decisions[0].reason, "an age below zero tells nobody anything"


def test_the_age_limit_is_kept_to_the_second():
    """Exactly as old as the rule allows is kept, a second more is not."""
    newest = Copy(Label(NOW, Kind.DUMP), proven=True)
    edge = Copy(Label(NOW - timedelta(days=7), Kind.DUMP), proven=True)
    past = Copy(Label(NOW - timedelta(days=7, seconds=1), Kind.DUMP), proven=True)

    assert _expired(plan_expiry([newest, edge, past], Rule(7), NOW, run_succeeded=True)) == [past]


@pytest.mark.parametrize("days, min_keep", [(0, 1), (-1, 1), (7, 0), (7, -1)])
def test_a_rule_that_could_remove_everything_cannot_be_made(days, min_keep):
    """Keeping nothing is not a retention."""
    with pytest.raises(ValueError, match="retention rule"):
        Rule(days, min_keep)
