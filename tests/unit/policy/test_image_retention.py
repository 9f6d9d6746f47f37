"""Retention of server images: whatever the cloud lists, of each server and region one that can be launched stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.policy.image_retention import HeldImage, ImageDecision, plan_image_expiry
from dr.policy.retention import Action

NOW = datetime(2024, 6, 1, 2, tzinfo=UTC)
GRACE = timedelta(hours=24)
STATES = ("available", "pending", "failed", "disabled", "creating", "error")
IMAGES = st.lists(
    st.builds(
        lambda number, source, region, hours, state, finished, words: HeldImage(
            f"ami-{number}", source, region, NOW - timedelta(hours=hours), state, finished, "", *words
        ),
        st.integers(),
        st.sampled_from(("i-1", "i-2")),
        st.sampled_from(("here", "away")),
        st.integers(-48, 2000),
        st.sampled_from(STATES),
        st.booleans(),
        st.sampled_from((("", "", ""), ("locked", "", ""), ("", "i-9", ""), ("", "", "refused"))),
    ),
    unique_by=lambda image: image.id,
    max_size=20,
)


def image(days: float, state: str = "available", *, finished: bool = True, **words: str) -> HeldImage:
    """One of the server ``i-1``."""
    return HeldImage(f"ami-{days:g}", "i-1", "here", NOW - timedelta(days=days), state, finished, **words)


def plan(*images: HeldImage, keep: int = 1, run_succeeded: bool = True) -> dict[str, ImageDecision]:
    """The decisions, by age in days."""
    found = plan_image_expiry(images, keep, NOW, run_succeeded=run_succeeded, grace=GRACE)
    return {item.image.id.removeprefix("ami-"): item for item in found}


def gone(decisions: dict[str, ImageDecision]) -> set[str]:
    """Those that expire."""
    return {name for name, item in decisions.items() if item.action is Action.EXPIRE}


@pytest.mark.incident("I14")
@given(IMAGES, st.integers(1, 4), st.booleans())
def test_the_newest_usable_ones_of_each_server_and_region_stay_and_never_none(images, keep, succeeded):
    """Every image has one decision; of each group the newest ``keep`` whole ones stay, and one in any case."""
    decisions = plan_image_expiry(images, keep, NOW, run_succeeded=succeeded, grace=GRACE)

    assert {item.image.id for item in decisions} == {item.id for item in images}
    assert all(item.reason for item in decisions)
    staying = {item.image.id for item in decisions if item.action is Action.KEEP}
    if not succeeded:
        assert len(staying) == len(images)
    for group in {(item.source, item.region) for item in images}:
        mine = [item for item in images if (item.source, item.region) == group]
        usable = [item for item in mine if item.usable]
        assert not usable or any(item.id in staying for item in usable)
        whole = sorted((item for item in usable if item.finished), key=lambda item: item.created, reverse=True)
        newest = [item for item in whole if item.created <= NOW][:keep]
        assert all(item.id in staying for item in newest if whole.count(item) == 1)
    for item in images:
        assert (
            item.id in staying or not (item.protected or item.used_by or item.held) or item.state in ("failed", "error")
        )


def test_the_oldest_go_first():
    """Three are kept of five, the newest."""
    decisions = plan(*(image(days) for days in (1, 8, 15, 22, 29)), keep=3)

    assert gone(decisions) == {"22", "29"}
    assert decisions["29"].reason == "29.0 days old; 3 newer ones of i-1 are available"


def test_each_region_is_counted_by_itself():
    """A newer copy elsewhere makes no image here superfluous."""
    away = HeldImage("ami-away", "i-1", "away", NOW, "available", finished=True)

    assert gone(plan(image(8), away)) == set()


def test_what_failed_or_was_left_unfinished_goes_once_its_run_must_be_over():
    """A failed one goes, an unfinished one a day later; neither while it may be at work."""
    decisions = plan(
        image(1),
        image(2, "failed"),
        image(0.5, finished=False),
        image(3, "pending", finished=False),
        image(4, "disabled"),
    )

    assert gone(decisions) == {"2", "3"}
    assert "may still be at work" in decisions["0.5"].reason
    assert decisions["4"].reason == "it is disabled: kept, and not counted"


@pytest.mark.incident("I14")
def test_the_only_one_that_can_be_launched_stays_however_it_was_left():
    """Unfinished, but available, and there is no other."""
    decisions = plan(image(3, finished=False), image(5, finished=False), image(1, "failed"))

    assert gone(decisions) == {"1", "5"}
    assert decisions["3"].reason == "the last one of i-1 that can be launched"


def test_what_is_protected_used_or_was_refused_before_stays_and_says_so():
    """Three reasons, each in words for the one who is to do something about it."""
    decisions = plan(image(1), image(8, protected="by EC2"), image(9, used_by="i-7"), image(10, held="locked"))

    assert gone(decisions) == set()
    assert [decisions[age].reason.partition(":")[0] for age in ("8", "9", "10")] == [
        "protected",
        "in use by i-7",
        "could not be removed before (locked)",
    ]


def test_an_image_from_the_future_makes_no_other_superfluous():
    """A wrong clock must not cost the newest true one."""
    assert gone(plan(image(-1), image(8))) == set()


def test_a_rule_that_keeps_none_is_refused():
    """There is always one."""
    with pytest.raises(ValueError, match="keep >= 1"):
        plan_image_expiry((), 0, NOW, run_succeeded=True, grace=GRACE)
