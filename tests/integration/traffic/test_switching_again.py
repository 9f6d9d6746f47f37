"""Switched again, back, by a run after another one, and after somebody else was at it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from dr.operations.switch_traffic import (
    digest_of,
    lead_traffic,
    look_at_traffic,
    plan_of_going_back,
    plan_of_settling,
    settle_traffic,
    switch_traffic,
    traffic_plan,
)
from dr.policy.traffic_side import Side
from dr.traffic.failures import ChangedSince
from tests.integration.traffic.product import Product, in_zone


def test_the_way_back_leads_to_what_was_there_before_the_last_switch_alone(product: Product) -> None:
    """The product has moved since an earlier switch to the same side, undone or not: nobody is led to where it was."""
    switch_traffic(product.system, traffic_plan(product.system, Side.STANDBY))
    switch_traffic(product.system, plan_of_going_back(product.system))
    assert plan_of_going_back(product.system) == ()

    for address in ("192.0.2.55", "192.0.2.66"):
        in_zone(product, address)
        switch_traffic(product.system, traffic_plan(product.system, Side.STANDBY))
        shop = next(one for one in plan_of_going_back(product.system) if one.name == "shop.example.org")
        assert address in shop.after.words
    switch_traffic(product.system, plan_of_going_back(product.system))

    assert any("192.0.2.66" in seen.now.words for seen in look_at_traffic(product.system))


def test_a_switch_that_is_asked_for_twice_does_not_forget_the_way_back(product: Product) -> None:
    """The second time only the cache is emptied."""
    before = product.truth()
    switch_traffic(product.system, traffic_plan(product.system, Side.STANDBY))
    switch_traffic(product.system, traffic_plan(product.system, Side.STANDBY))

    switch_traffic(product.system, plan_of_going_back(product.system))

    assert product.truth() == before


def test_what_was_settled_can_still_be_undone(product: Product) -> None:
    """Only times to live have changed since; the cached answers of the settled side count for as long as theirs."""
    before = product.truth()
    switch_traffic(product.system, traffic_plan(product.system, Side.STANDBY))
    settle_traffic(product.system, plan_of_settling(product.system))

    back = switch_traffic(product.system, plan_of_going_back(product.system))

    assert product.truth() == before
    assert max(one.everywhere_seconds for one in back) == 300


def test_a_cache_is_to_be_emptied_again_when_the_old_answers_have_run_out(product: Product) -> None:
    """Until then it fills itself from the old side; the record says when. With nothing left of it there is no task."""
    begin = datetime.now(UTC)
    switched = switch_traffic(product.system, traffic_plan(product.system, Side.STANDBY))
    again = switch_traffic(product.system, traffic_plan(product.system, Side.STANDBY))

    (cache,) = (one for one in switched if one.change.switch == "cdn")
    told = re.search(r"once more after (\S+ \S+)Z", cache.described())
    assert told
    seconds = (datetime.fromisoformat(f"{told[1]}+00:00") - begin).total_seconds()
    assert 3595 <= seconds <= 3700
    assert not any(one.todo for one in (*switched[:-1], *again))


def test_a_journaled_plan_that_somebody_has_overtaken_is_made_anew_by_the_next_run(product: Product) -> None:
    """The first run says who was at it; when a person runs it again it goes on, and still counts the old answers."""
    changes = traffic_plan(product.system, Side.STANDBY)
    in_zone(product, "192.0.2.77", ttl=120)

    with pytest.raises(ChangedSince, match=r"changed by somebody"):
        lead_traffic(product.system, Side.STANDBY, changes, again=False)
    switched = lead_traffic(product.system, Side.STANDBY, changes, again=True)

    shop = next(one for one in switched if one.change.name == "shop.example.org")
    assert "198.51.100.7" in look_at_traffic(product.system)[1].now.words
    assert "192.0.2.77" in shop.change.before.words
    group = switched[0]
    assert group.change.before.value == changes[0].before.value, "the first run had switched it"


def test_two_plans_of_the_same_have_one_digest_and_another_plan_another(product: Product) -> None:
    """A wish to empty a cache is a new one each time; what a name leads to is what was agreed to."""
    first, second = (traffic_plan(product.system, Side.STANDBY) for _ in range(2))
    in_zone(product, "192.0.2.88")

    assert first != second
    assert digest_of(first) == digest_of(second)
    assert digest_of(first) != digest_of(traffic_plan(product.system, Side.STANDBY))
    assert digest_of(first) != digest_of(traffic_plan(product.system, Side.PRIMARY))
