"""Full or incremental: an incremental one only when nothing speaks against it, and the reason in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.labels import Kind, Label, Method
from dr.policy.base_schedule import ChainRule, ParentChain, SourceServer, choose_method

NOW = datetime(2024, 1, 8, 2, 0, 3, tzinfo=UTC)
SERVER = SourceServer(180004, "7", 1, summarize_wal=True)
RULE = ChainRule(full_days=7, max_chain=6)


def _chain(*days: float) -> ParentChain:
    """A full one and incremental ones, made so many days ago."""
    labels = [
        Label(NOW - timedelta(days=day), Kind.BASE, Method.INCREMENTAL if place else Method.FULL)
        for place, day in enumerate(days)
    ]
    return ParentChain(tuple(labels), "7", 1, 18)


CHAIN = _chain(3, 2, 1)


def test_an_incremental_one_is_made_on_the_newest_of_a_good_chain():
    """Its number, its full one and that one's age are the reason."""
    choice = choose_method(SERVER, CHAIN, RULE, NOW)

    assert (choice.method, choice.parent) == (Method.INCREMENTAL, CHAIN.newest)
    assert choice.reason == "number 3 of at most 6 on base_20240105_020003_full, which is 3.0 days old"


@pytest.mark.parametrize(
    "server, chain, reason",
    [
        (replace(SERVER, version=160014), CHAIN, "PostgreSQL 16 makes only full ones; incremental ones need 17"),
        (replace(SERVER, summarize_wal=False), CHAIN, "summarize_wal is off on the server"),
        (SERVER, None, "there is no earlier base backup"),
        (
            replace(SERVER, system_identifier="8"),
            CHAIN,
            "base_20240107_020003_incr is of another cluster, system identifier 7",
        ),
        (
            replace(SERVER, version=190000),
            CHAIN,
            "base_20240107_020003_incr was made of PostgreSQL 18, the server is 19 now",
        ),
        (replace(SERVER, timeline=2), CHAIN, "base_20240107_020003_incr is of timeline 1, the server is on 2 now"),
        (SERVER, replace(CHAIN, broken="store cloud does not have it"), "store cloud does not have it"),
        (
            SERVER,
            _chain(7, 1),
            "base_20240101_020003_full is 7.0 days old, and a full one is due every 7",
        ),
        (
            SERVER,
            _chain(6, 5, 4, 3, 2, 1, 0.1),
            "6 incremental ones hang on base_20240102_020003_full already",
        ),
        (SERVER, _chain(3, -2), "the label of base_20240110_020003_incr lies in the future"),
    ],
)
def test_whatever_speaks_against_it_leads_to_a_full_one_with_the_reason(server, chain, reason):
    """One at a time, to the word."""
    choice = choose_method(server, chain, RULE, NOW)

    assert (choice.method, choice.parent) == (Method.FULL, None)
    assert choice.reason == reason


def test_a_run_that_begins_a_moment_earlier_than_last_week_still_makes_the_weekly_full_one():
    """Runs are never on the second; without some slack the full one would slip by a day each time."""
    two_seconds_short = 7 - 2 / 86400

    assert choose_method(SERVER, _chain(two_seconds_short), RULE, NOW).method is Method.FULL
    assert choose_method(SERVER, _chain(6.9), RULE, NOW).method is Method.INCREMENTAL


@given(st.integers(1, 20), st.integers(1, 10), st.lists(st.integers(20, 30), min_size=1, max_size=60))
def test_no_chain_grows_longer_or_older_than_the_rule(days, longest, hours):
    """Whatever the intervals between backups: each hangs on one before it, within the rule."""
    rule = ChainRule(days, longest)
    now, labels = NOW, []
    for gap in hours:
        now += timedelta(hours=gap)
        chain = ParentChain(tuple(labels), "7", 1, 18) if labels else None
        choice = choose_method(SERVER, chain, rule, now)
        label = Label(now, Kind.BASE, choice.method)
        labels = [label] if choice.method is Method.FULL else [*labels, label]

        assert choice.parent == (labels[-2] if len(labels) > 1 else None)
        assert len(labels) <= longest + 1
        assert now - labels[0].created < timedelta(days=days)
