"""What is asked of a full recovery, and what its journal tells in the end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dr.catalog.labels import Kind
from dr.errors import ConfigurationError, StoreUnavailable
from dr.evidence.journal_events import Event, encoded_result
from dr.operations.full_recovery.conclude import blocked, phases_of
from dr.operations.full_recovery.kept import status_rows
from dr.operations.full_recovery.wish import Database, parse_wish
from dr.policy.full_plan import FullPlan, PlannedPart, Then

BEGIN = datetime(2026, 1, 31, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("point", "before", "database", "expected"),
    [
        ("", "", "", Database.NEWEST),
        ("point_20260131_023000", "", "", Database.POINT),
        ("", "2026-01-31T02:00:00Z", "", Database.POINT),
        ("point_20260131_023000", "", "newest", Database.NEWEST),
        ("", "", "point", Database.POINT),
    ],
)
def test_whoever_names_a_state_means_it(point: str, before: str, database: str, expected: Database) -> None:
    """Unless something else is said."""
    assert parse_wish(point, before, database, "").database is expected


@pytest.mark.incident("I6")
@pytest.mark.parametrize(
    ("before", "database", "without"),
    [("2026-01-31T02:00:00", "", ""), ("yesterday", "", ""), ("", "latest", ""), ("", "", "logs, databse")],
    ids=["no zone", "no time", "no such state", "no such part"],
)
def test_what_is_not_clear_is_refused(before: str, database: str, without: str) -> None:
    """Before anything is looked for."""
    with pytest.raises(ConfigurationError):
        parse_wish("", before, database, without)


def test_the_same_wish_in_other_words_goes_on_with_the_same_run() -> None:
    """The order of what is left out makes no other wish; what is left out does."""
    one, same, other = (parse_wish("", "", "", text) for text in ("logs,code", "code, logs", "code"))

    assert one.parameters == same.parameters
    assert one.parameters != other.parameters


def event(seconds: float, what: str, step: str = "", took: float | None = None, text: str = "") -> Event:
    """One line, so many seconds after the beginning."""
    return Event(BEGIN + timedelta(seconds=seconds), what, step, took, text, encoded_result(None))


EVENTS = (
    event(0, "open"),
    event(1, "begin", "database"),
    event(2, "begin", "restore files"),
    event(4, "end", "restore files", 2.0),
    event(100, "open"),
    event(101, "begin", "database"),
    event(110, "fail", "database", 9.0, "StoreFull: no room\nDETAIL: none"),
    event(200, "open"),
    event(201, "begin", "database"),
    event(231, "end", "database", 30.0),
    event(232, "begin", "lay files"),
)


def test_a_step_of_several_attempts_took_what_its_last_one_took() -> None:
    """Counted from the first run's begin."""
    assert [(phase.name, phase.begin, phase.end, phase.seconds) for phase in phases_of(EVENTS)] == [
        ("restore files", 2.0, 4.0, 2.0),
        ("database", 201.0, 231.0, 30.0),
    ]


def test_the_status_says_how_each_step_stands() -> None:
    """After the second run: failed; in the end: done, and one that was cut off."""
    after_second = {row["step"]: row["state"] for row in status_rows(EVENTS[:7])}
    rows = {str(row["step"]): row for row in status_rows(EVENTS)}

    assert after_second == {"database": "FAILED", "restore files": "done"}
    assert (rows["database"]["state"], rows["database"]["begun"]) == ("done", 3)
    assert rows["lay files"]["state"] == "begun, not ended"


def test_only_what_the_product_needs_keeps_people_from_it() -> None:
    """Logs and code do not."""
    parts = tuple(
        PlannedPart(str(kind), str(kind), kind, "", BEGIN, (), 0, Then.LEFT, "") for kind in (Kind.FILES, Kind.LOGS)
    )
    plan = FullPlan("shop", "", None, "", None, parts, ())
    gone = StoreUnavailable("it does not answer")

    assert blocked(plan, {"logs": gone}, ()) == ()
    assert blocked(plan, {"files": gone, "logs": gone}, ("verification: no",)) == (
        "files: it does not answer",
        "verification: no",
    )
