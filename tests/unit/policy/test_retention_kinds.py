"""Retention by kind, class and place: the guide's table, days of logs, and points that need other backups."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.labels import Kind, Label, Method
from dr.policy.retention import Action, Copy, Rule, plan_expiry, removal_order
from dr.policy.retention_periods import (
    APPLICATION_LOGS,
    AUDIT_LOGS,
    FOREVER,
    LOG_CLASSES,
    STANDARD,
    Period,
    Periods,
    longest,
    period_of,
)
from dr.policy.retention_points import PointCopy, members_here, needed_by_points

BEGIN = datetime(2024, 1, 1, 2, tzinfo=UTC)
YEAR = timedelta(days=365.25)


def years(count: float) -> int:
    """Days that are never less than so many years."""
    return -(-(count * YEAR) // timedelta(days=1))


@pytest.mark.parametrize(
    "kind, keep_as, here, elsewhere",
    [
        (Kind.DUMP, STANDARD, 7, FOREVER),
        (Kind.BASE, STANDARD, 7, FOREVER),
        (Kind.FILES, STANDARD, years(3), years(10)),
        (Kind.LOGS, APPLICATION_LOGS, 30, years(3)),
        (Kind.LOGS, AUDIT_LOGS, 90, FOREVER),
        (Kind.REDIS, STANDARD, 7, 90),
        (Kind.POINT, STANDARD, 7, 90),
        (Kind.SECRETS, STANDARD, 7, years(7)),
        (Kind.LOGS, STANDARD, FOREVER, FOREVER),
        (Kind.FILES, "legal-hold", FOREVER, FOREVER),
    ],
)
def test_each_kind_is_kept_as_the_guide_says(kind, keep_as, here, elsewhere):
    """In days; whole years with their leap days; a class that is not known is kept."""
    assert period_of(Periods(), kind, keep_as, 7) == Period(here, elsewhere)


def test_an_archive_period_shorter_than_the_clouds_shortens_nothing():
    """Until stores have tiers the longer of the two counts, either way round."""
    periods = Periods(files_cloud_days=900, files_archive_days=10, audit_logs_archive_days=10)

    assert period_of(periods, Kind.FILES, STANDARD, 7).elsewhere == 900
    assert period_of(periods, Kind.LOGS, AUDIT_LOGS, 7).elsewhere == periods.audit_logs_cloud_days
    assert longest(1, FOREVER, 3) == FOREVER


_CLASSES = (*((Kind.LOGS, keep_as) for keep_as in LOG_CLASSES), (Kind.REDIS, STANDARD), (Kind.FILES, STANDARD))
_HISTORIES = st.lists(
    st.tuples(
        st.integers(1, 24 * 20),
        st.sampled_from(_CLASSES),
        st.sampled_from(("ok", "ok", "empty", "corrupt", "failed", "late", "rots")),
        st.booleans(),
    ),
    max_size=40,
)
_PERIODS = st.dictionaries(st.sampled_from(_CLASSES), st.integers(1, 60) | st.just(FOREVER), min_size=4, max_size=4)


def _made(now: datetime, group: tuple[Kind, str], event: str, *, elsewhere: bool) -> Copy:
    kind, keep_as = group
    ends = None
    if kind is Kind.LOGS and event != "empty":
        midnight = now.replace(hour=0, minute=0)
        ends = midnight - timedelta(days=25 if event == "late" else 0)
    return Copy(
        Label(now, kind),
        proven=event != "corrupt",
        elsewhere=elsewhere,
        keep_as=keep_as,
        ends=ends,
        empty=kind is Kind.LOGS and event == "empty",
    )


def _newest(copies: list[Copy], group: tuple[Kind, str], count: int) -> list[Copy]:
    """The newest proven ones that hold something, by what they hold."""
    mine = [copy for copy in copies if (copy.label.kind, copy.keep_as) == group]
    held = [copy for copy in mine if copy.proven and not copy.empty]
    return sorted(held, key=lambda copy: (copy.moment, copy.label), reverse=True)[:count]


@pytest.mark.incident("I14")
@given(_HISTORIES, _PERIODS, st.integers(1, 3), st.sampled_from([None, 90, FOREVER]))
def test_no_history_lets_a_day_of_logs_go_before_its_time_nor_the_newest_ever(history, periods, min_keep, alone):
    """Late days, runs that found nothing, corrupt copies: classes never mix, and what is nowhere else stays longer."""

    def rule(copy: Copy) -> Rule:
        return Rule(
            periods.get((copy.label.kind, copy.keep_as), FOREVER),
            min_keep,
            alone if copy.label.kind is Kind.LOGS else None,
        )

    copies: list[Copy] = []
    now = BEGIN
    for hours, group, event, elsewhere in history:
        now += timedelta(hours=hours)
        if event == "rots" and (newest := _newest(copies, group, 1)):
            copies.remove(newest[0])
            copies.append(Copy(newest[0].label, False, keep_as=newest[0].keep_as, ends=newest[0].ends))
        elif event != "failed":
            copies.append(_made(now, group, event, elsewhere=elsewhere))
        before = {each: _newest(copies, each, min_keep) for each in _CLASSES}

        decisions = plan_expiry(copies, rule, now, run_succeeded=event != "failed")
        expired = [item.copy for item in decisions if item.action is Action.EXPIRE]
        copies = [copy for copy in copies if copy not in expired]

        assert event != "failed" or not expired
        for copy in expired:
            own = rule(copy)
            assert own.days != FOREVER
            assert now - copy.moment > timedelta(days=own.days)
            if copy.label.kind is Kind.LOGS and alone is not None and not copy.elsewhere:
                assert alone != FOREVER
                assert now - copy.moment > timedelta(days=alone)
        for each in _CLASSES:
            assert all(copy in copies for copy in before[each])


@pytest.mark.incident("I14")
@pytest.mark.parametrize("kept, other", [LOG_CLASSES, LOG_CLASSES[::-1]])
def test_one_class_never_makes_the_other_superfluous(kept, other):
    """Ten days of audit do not replace the last day of the application, nor the other way round."""
    last = Copy(Label(BEGIN, Kind.LOGS), True, True, keep_as=kept, ends=BEGIN)
    newer = [
        Copy(Label(BEGIN + timedelta(days=day), Kind.LOGS), True, True, keep_as=other, ends=BEGIN + timedelta(days=day))
        for day in range(50, 60)
    ]

    decisions = plan_expiry([last, *newer], Rule(30), BEGIN + timedelta(days=60), run_succeeded=True)

    assert not [item for item in decisions if item.action is Action.EXPIRE]


def test_a_run_that_found_nothing_new_makes_no_day_superfluous_and_goes_in_its_time():
    """Empty backups of logs are proof that somebody looked, and no content."""
    held = Copy(Label(BEGIN, Kind.LOGS), True, True, keep_as=AUDIT_LOGS, ends=BEGIN)
    empty = [
        Copy(Label(BEGIN + timedelta(days=day), Kind.LOGS), True, True, keep_as=AUDIT_LOGS, empty=True)
        for day in range(1, 5)
    ]

    decisions = plan_expiry([held, *empty], Rule(2), BEGIN + timedelta(days=30), run_succeeded=True)

    expired = {item.copy for item in decisions if item.action is Action.EXPIRE}
    assert held not in expired
    assert expired == set(empty[:-1])


def test_what_is_kept_for_ever_is_kept_for_ever():
    """And counts: the classes beside it go on as before."""
    old = Copy(Label(BEGIN, Kind.LOGS), True, keep_as=AUDIT_LOGS, ends=BEGIN)
    newer = Copy(Label(BEGIN + timedelta(days=1), Kind.LOGS), True, keep_as=AUDIT_LOGS, ends=BEGIN)

    decisions = plan_expiry([old, newer], Rule(FOREVER), BEGIN + 100 * YEAR, run_succeeded=True)

    assert {item.action for item in decisions} == {Action.KEEP}


@pytest.mark.incident("I14")
@given(st.data())
def test_whatever_a_kept_recovery_point_names_stays_with_all_that_it_builds_on(data):
    """Any members, proven or not, however old; a member that is an incremental backup stays with its chain."""
    now = BEGIN + timedelta(days=200)
    copies = []
    for hours in data.draw(st.lists(st.integers(0, 4800), unique=True, min_size=1, max_size=12)):
        label = Label(BEGIN + timedelta(hours=hours), data.draw(st.sampled_from((Kind.BASE, Kind.DUMP, Kind.REDIS))))
        bases = [copy.label for copy in copies if copy.label.kind is Kind.BASE and copy.label < label]
        if label.kind is Kind.BASE and bases and data.draw(st.booleans()):
            label = Label(label.created, Kind.BASE, Method.INCREMENTAL)
            copies.append(Copy(label, data.draw(st.booleans()), parent=max(bases)))
        else:
            copies.append(Copy(label, data.draw(st.booleans())))
    members = frozenset(data.draw(st.sets(st.sampled_from([copy.label for copy in copies]))))
    point = PointCopy(Label(now, Kind.POINT), members)

    decisions = plan_expiry(copies, Rule(5), now, run_succeeded=True, needed_by=needed_by_points([point], [], copies))

    staying = {item.copy.label: item.copy for item in decisions if item.action is Action.KEEP}
    for label in members:
        while label is not None:
            assert label in staying
            label = staying[label].parent
    assert {item.copy.label for item in decisions} == {copy.label for copy in copies}


def test_a_point_elsewhere_needs_here_only_what_its_own_stores_have_not():
    """Else a point that is kept in the cloud for 90 days would hold back every local copy."""
    redis, files = Label(BEGIN, Kind.REDIS), Label(BEGIN, Kind.FILES)
    holders = {redis: ("local", "cloud"), files: ("local",)}

    assert members_here([redis, files], "local", ["cloud"], holders) == {files}
    assert members_here([redis, files], "local", ["local", "cloud"], holders) == {redis, files}


def test_a_point_that_cannot_be_read_may_need_the_newest_of_each_kind_at_its_time():
    """Back to one that is proven; what was made after it is no member."""
    made = [Copy(Label(BEGIN + timedelta(days=day), Kind.REDIS), proven=day not in (3, 5)) for day in range(7)]

    needed = needed_by_points([], [Label(BEGIN + timedelta(days=5, hours=1), Kind.POINT)], made)

    assert sorted(label.created.day for label in needed) == [5, 6]


def test_points_go_before_what_they_name():
    """An expiry that is cut off leaves no point that lacks a member."""
    decisions = plan_expiry(
        [
            Copy(Label(BEGIN + timedelta(days=day), kind), True)
            for day in (0, 1, 40)
            for kind in (Kind.REDIS, Kind.POINT, Kind.FILES)
        ],
        Rule(7),
        BEGIN + timedelta(days=40),
        run_succeeded=True,
    )

    kinds = [copy.label.kind for copy in removal_order(decisions)]
    assert kinds[:2] == [Kind.POINT, Kind.POINT]
    assert len(kinds) == 6
