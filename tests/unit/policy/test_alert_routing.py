"""Who is told what, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.policy.alert import Alert, Grade, Turn
from dr.policy.alert_routing import STORM, Decided, Delivery, Open, Routes, acknowledged, decide

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
ROUTES = Routes(
    available=("pagerduty", "slack", "sms", "mail", "jira"),
    critical=("pagerduty", "slack", "sms", "mail"),
    warning=("slack", "mail", "jira"),
    escalation=("slack", "sms", "contacts", "bridge"),
)


def critical(subject: str = "dump") -> Alert:
    """No good backup."""
    return Alert("shop", "backup-overdue", Grade.CRITICAL, f"no good backup of {subject}", subject)


def warning(subject: str = "dump") -> Alert:
    """A size that is odd."""
    return Alert("shop", "size-anomaly", Grade.WARNING, f"odd size of {subject}", subject)


def told(decided: Decided) -> list[tuple[str, Turn, str]]:
    """Channel, turn and subject of everything that is said."""
    return [(item.channel, item.turn, item.alert.subject) for item in decided.deliveries]


def answered(decided: Decided) -> tuple[Open, ...]:
    """As if every channel had taken what it was given."""
    threads: dict[str, dict[str, str]] = {}
    for item in decided.deliveries:
        threads.setdefault(item.alert.key, {})[item.channel] = f"thread in {item.channel}"
    return tuple(replace(item, threads={**item.threads, **threads.get(item.alert.key, {})}) for item in decided.open)


def test_what_is_critical_goes_to_every_channel_of_the_guide_and_warnings_to_theirs() -> None:
    """PagerDuty, Slack, SMS and mail; Slack, mail and Jira."""
    decided = decide((), [critical(), warning()], ROUTES, NOW)

    assert told(decided) == [
        *((name, Turn.TRIGGER, "dump") for name in ("pagerduty", "slack", "sms", "mail")),
        *((name, Turn.TRIGGER, "dump") for name in ("slack", "mail", "jira")),
    ]


def test_where_none_of_the_named_channels_exists_whatever_there_is_is_used() -> None:
    """A system with only a webhook is not silent."""
    decided = decide((), [critical()], replace(ROUTES, available=("webhook",)), NOW)

    assert told(decided) == [("webhook", Turn.TRIGGER, "dump")]


def test_the_same_alert_is_not_told_again_until_it_has_gone_on_for_long() -> None:
    """Every five minutes it is found anew; people hear of it after the hours that are set."""
    calm = replace(ROUTES, escalation=())
    first = answered(decide((), [critical()], calm, NOW))

    assert told(decide(first, [critical()], calm, NOW + timedelta(minutes=5))) == []
    again = decide(first, [critical()], calm, NOW + timedelta(hours=4))
    assert [turn for _, turn, _ in told(again)] == [Turn.UPDATE] * 4
    assert again.deliveries[0].thread == "thread in pagerduty"
    assert told(decide(answered(again), [critical()], calm, NOW + timedelta(hours=5))) == []


def test_the_end_is_told_where_the_beginning_was() -> None:
    """In the same threads, and then nothing is open."""
    first = answered(decide((), [warning()], ROUTES, NOW))

    over = decide(first, [], ROUTES, NOW + timedelta(minutes=5))

    assert told(over) == [(name, Turn.RESOLVE, "dump") for name in ("slack", "mail", "jira")]
    assert {item.thread for item in over.deliveries} == {f"thread in {n}" for n in ("slack", "mail", "jira")}
    assert over.open == ()


def test_what_could_not_be_looked_at_is_not_over() -> None:
    """A store that does not answer is no proof that its backup is good again."""
    first = answered(decide((), [critical()], ROUTES, NOW))

    later = decide(first, [], ROUTES, NOW + timedelta(minutes=5), unknown=frozenset({critical().key}))

    assert told(later) == []
    assert [item.alert for item in later.open] == [critical()]


@pytest.mark.parametrize(
    ("hour", "waits"), [(21, False), (22, True), (23, True), (3, True), (6, True), (7, False), (12, False)]
)
def test_warnings_wait_for_the_morning_and_what_is_critical_does_not(hour: int, waits: bool) -> None:
    """Quiet hours go over midnight, in the zone of the people."""
    berlin = replace(ROUTES, quiet=(time(22), time(7)), zone="Europe/Berlin")
    at = datetime(2026, 7, 1, hour, 30, tzinfo=UTC) - timedelta(hours=2)

    decided = decide((), [critical(), warning()], berlin, at)

    assert any(item.alert.grade is Grade.WARNING for item in decided.deliveries) is not waits
    assert any(item.alert.grade is Grade.CRITICAL for item in decided.deliveries)
    assert len(decided.open) == 2


def test_a_warning_that_waited_is_told_in_the_morning_and_one_that_is_over_by_then_never() -> None:
    """Nobody is told the end of what he was not told the beginning of."""
    night = replace(ROUTES, quiet=(time(22), time(7)))
    waiting = decide((), [warning("a"), warning("b")], night, datetime(2026, 1, 2, 23, tzinfo=UTC)).open

    morning = decide(waiting, [warning("a")], night, datetime(2026, 1, 3, 7, 5, tzinfo=UTC))

    assert told(morning) == [(name, Turn.TRIGGER, "a") for name in ("slack", "mail", "jira")]


def test_a_thousand_failures_are_a_handful_of_messages() -> None:
    """One per channel and grade when it begins, one when all of it is over, and nothing in between."""
    storm = [critical(f"system {number}") for number in range(1000)]

    begun = decide((), storm, ROUTES, NOW)
    state = answered(begun)
    fewer = decide(state, storm[500:], ROUTES, NOW + timedelta(minutes=5))
    over = decide(answered(fewer), [], ROUTES, NOW + timedelta(minutes=10))

    assert [item.channel for item in begun.deliveries] == ["pagerduty", "slack", "sms", "mail"]
    assert begun.deliveries[0].count == 1000
    assert len(begun.deliveries[0].also) < 12
    assert told(fewer) == []
    assert [item.turn for item in over.deliveries] == [Turn.RESOLVE] * 4
    assert over.open == ()


def test_more_of_a_storm_is_not_told_again_and_something_else_is() -> None:
    """The 1,001st failure is one message more, not a thousand and one."""
    storm = [critical(f"system {number}") for number in range(1000)]
    state = answered(decide((), storm, ROUTES, NOW))

    more = decide(state, [*storm, critical("another")], ROUTES, NOW + timedelta(minutes=5))

    assert told(more) == [(name, Turn.TRIGGER, "another") for name in ROUTES.critical]


def test_what_nobody_acknowledges_is_escalated_step_by_step() -> None:
    """Slack, then a text message, then the next contact, then the bridge, ten minutes apart."""
    state = answered(decide((), [critical()], ROUTES, NOW))
    steps = []
    for minutes in range(5, 61, 5):
        decided = decide(state, [critical()], ROUTES, NOW + timedelta(minutes=minutes))
        steps += [(minutes, item.channel) for item in decided.deliveries]
        state = answered(decided)

    assert steps == [(10, "slack"), (20, "sms"), (30, "contacts"), (40, "bridge")]


def test_who_acknowledges_ends_the_escalation_and_the_channels_are_told() -> None:
    """But not the alert: its end is told."""
    state = answered(decide((), [critical()], ROUTES, NOW))

    taken, says = acknowledged(state, critical().key, "on call", NOW + timedelta(minutes=2))

    assert {item.turn for item in says} == {Turn.ACKNOWLEDGE}
    assert told(decide(taken, [critical()], ROUTES, NOW + timedelta(hours=9))) == []
    assert {item.turn for item in decide(taken, [], ROUTES, NOW + timedelta(hours=9)).deliveries} == {Turn.RESOLVE}
    with pytest.raises(KeyError):
        acknowledged(state, "shop/nothing", "on call", NOW)


def test_a_warning_that_becomes_critical_is_told_to_those_of_a_critical_one() -> None:
    """Also when somebody had taken care of the warning."""
    state = answered(decide((), [warning()], ROUTES, NOW))
    state, _ = acknowledged(state, warning().key, "on call", NOW)

    worse = decide(state, [replace(warning(), grade=Grade.CRITICAL)], ROUTES, NOW + timedelta(minutes=5))

    assert [item.channel for item in worse.deliveries] == ["pagerduty", "slack", "sms", "mail"]
    assert worse.deliveries[1].thread == "thread in slack"


def test_two_storms_that_the_same_alert_began_are_two() -> None:
    """Of another grade at once, or later while the first one lasts: each is told, and each is over by itself."""
    severe = [critical(f"{number}") for number in range(STORM + 1)]
    mild = [replace(item, grade=Grade.WARNING) for item in severe]
    first = decide((), severe, ROUTES, NOW)
    fewer = decide(answered(first), severe[1:], ROUTES, NOW + timedelta(minutes=5))
    for more in (mild, severe):
        found = {item.key: item for item in (*more[:1], *(replace(item, rule="b") for item in more), *severe[1:])}
        both = decide(answered(fewer), list(found.values()), ROUTES, NOW + timedelta(minutes=10))
        over = decide(answered(both), [], ROUTES, NOW + timedelta(minutes=15))

        told_of = {item.alert.key for item in (*first.deliveries, *both.deliveries)}
        assert len(told_of) == 2
        assert {item.alert.key for item in over.deliveries} == told_of
        assert over.open == ()


_alerts = st.lists(
    st.builds(
        Alert,
        system=st.just("shop"),
        rule=st.sampled_from(["a", "b"]),
        grade=st.sampled_from(list(Grade)),
        summary=st.just("x"),
        subject=st.sampled_from([str(number) for number in range(12)]),
    ),
    unique_by=lambda alert: alert.key,
    max_size=12,
)


@given(st.lists(_alerts, min_size=1, max_size=8))
def test_every_beginning_has_one_end_and_nothing_ends_that_did_not_begin(rounds: list[list[Alert]]) -> None:
    """Whatever comes and goes: per channel and key, trigger and resolve alternate, and all is closed in the end."""
    state: tuple[Open, ...] = ()
    heard: dict[tuple[str, str], bool] = {}
    for number, found in enumerate([*rounds, []]):
        decided = decide(state, found, ROUTES, NOW + timedelta(minutes=5 * number))
        for item in decided.deliveries:
            _hear(heard, item)
        state = answered(decided)

    assert state == ()
    assert not any(heard.values())
    assert STORM < 12  # so that storms are among what was tried


def _hear(heard: dict[tuple[str, str], bool], item: Delivery) -> None:
    place = (item.channel, item.alert.key)
    if item.turn is Turn.RESOLVE:
        assert heard.get(place), f"{place} was over before it began"
        heard[place] = False
    else:
        heard[place] = True


def test_what_users_read_is_told_besides_and_only_of_what_is_announced() -> None:
    """Never in the place of a channel that reaches those who repair it."""
    public = replace(ROUTES, public=("status-page",), announced=frozenset({"backup-overdue"}))
    alone = replace(public, available=())

    assert ("status-page", Turn.TRIGGER, "dump") in told(decide((), [critical()], public, NOW))
    assert "status-page" not in {name for name, _, _ in told(decide((), [warning()], public, NOW))}
    storm = [critical(f"system {number}") for number in range(40)]
    assert "status-page" not in {name for name, _, _ in told(decide((), storm, public, NOW))}
    assert told(decide((), [warning()], alone, NOW)) == []
