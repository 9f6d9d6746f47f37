"""What was broken and is not looked at for a while: it is not over, and its time goes on, but not for ever."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dr.policy.alert import Turn
from dr.policy.alert_routing import Routes, decide
from dr.policy.metric import Sample, Unmeasured, sample
from dr.policy.rule_evaluation import GAP, Broken, evaluate
from tests.unit.policy.rounds import minutes, rounds

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
FULL = (sample("storage_free_ratio", 0.05, "shop", "cloud"),)
ROOMY = (sample("storage_free_ratio", 0.5, "shop", "cloud"),)
DAMAGED = (sample("backup_damaged_copies", 1, "shop", "cloud"), sample("backup_damaged_copies", 1, "shop", "local"))
ALL = frozenset({Unmeasured("storage_free_ratio")})
CLOUD = frozenset({Unmeasured("backup_damaged_copies", "cloud")})
KEY = "shop/storage-critical/cloud"
"""Five minutes have to pass until it fires."""


def fires(samples: tuple[Sample, ...], before: tuple[Broken, ...], at: float) -> list[str]:
    """What fires so many minutes later."""
    return [alert.key for alert in evaluate(samples, before, NOW + minutes(at)).alerts]


def test_the_time_of_a_rule_goes_on_over_a_round_that_could_not_be_measured() -> None:
    """One store that hangs at the wrong moment must not make everybody wait anew."""
    first = evaluate(FULL, (), NOW)
    gap = evaluate((), first.broken, NOW + minutes(3), ALL)

    assert gap.alerts == ()
    assert fires(FULL, gap.broken, 5) == [KEY]
    assert evaluate(FULL, gap.broken, NOW + minutes(5)).alerts[0].since == NOW


def test_the_time_of_a_rule_begins_anew_once_it_was_well() -> None:
    """What was measured and is not broken is no gap."""
    first = evaluate(FULL, (), NOW)
    well = evaluate(ROOMY, first.broken, NOW + minutes(3))
    gone = evaluate((), first.broken, NOW + minutes(3))

    assert well.broken == gone.broken == ()
    assert fires(FULL, well.broken, 5) == []


def test_a_gap_that_is_too_long_is_no_proof_that_it_lasted() -> None:
    """Whether nothing could be measured or nobody looked; a minute less is a gap."""
    first = evaluate(FULL, (), NOW)
    just = GAP / minutes(1)
    unseen = evaluate((), first.broken, NOW + GAP / 2, ALL)

    for before in (first.broken, unseen.broken):
        assert fires(FULL, before, just) == [KEY]
        assert fires(FULL, before, just + 1) == []
    assert evaluate((), first.broken, NOW + GAP + minutes(1), ALL).broken == ()


@pytest.mark.incident("I2")
def test_what_fires_and_is_not_measured_any_more_is_never_told_as_over() -> None:
    """However long nobody can look; and it goes on as what it was when it is seen again."""
    firing = rounds(FULL, NOW, NOW + minutes(10))
    routes = Routes(("mail",), ("mail",), ("mail",))
    opened = decide((), firing.alerts, routes, NOW + minutes(10)).open
    blind = evaluate((), firing.broken, NOW + minutes(60 * 48), ALL)
    still = decide(opened, blind.alerts, routes, NOW + minutes(60 * 48), blind.unknown)
    again = evaluate(FULL, blind.broken, NOW + minutes(60 * 48 + 5))
    well = evaluate(ROOMY, blind.broken, NOW + minutes(60 * 48 + 5))

    assert blind.unknown == {KEY}
    assert [item.alert.key for item in still.open] == [KEY]
    assert all(item.turn is not Turn.RESOLVE for item in still.deliveries)
    assert [(alert.key, alert.since) for alert in again.alerts] == [(KEY, NOW)]
    assert well.alerts == ()
    assert well.unknown == frozenset()


def test_one_store_that_is_silent_makes_only_its_own_unknown() -> None:
    """What the other one says counts."""
    both = evaluate(DAMAGED, (), NOW)
    silent = evaluate((sample("backup_damaged_copies", 0, "shop", "local"),), both.broken, NOW + minutes(5), CLOUD)

    assert {alert.subject for alert in both.alerts} == {"cloud", "local"}
    assert silent.unknown == {"shop/corruption-detected/cloud"}
    assert silent.alerts == ()


def test_a_limit_that_is_not_measured_makes_its_rule_unknown() -> None:
    """An age says nothing without the age that it may have."""
    old = (sample("drill_age_seconds", 9e6, "shop"),)
    first = evaluate((*old, sample("drill_age_limit_seconds", 86400, "shop")), (), NOW)

    blind = evaluate(old, first.broken, NOW + minutes(5), frozenset({Unmeasured("drill_age_limit_seconds")}))

    assert blind.unknown == {"shop/drill-overdue"}


def test_a_book_of_an_older_version_forgets_nothing() -> None:
    """It does not say when it saw what was broken."""
    before = (Broken(KEY, NOW - minutes(600)),)

    assert evaluate((), before, NOW, ALL).unknown == {KEY}
    assert fires(FULL, before, 0) == [KEY]
