"""The plan of a full recovery, as a person reads it before agreeing to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import msgspec

from dr.catalog.labels import Kind
from dr.evidence.journal_events import Event, decoded_result, encoded_result
from dr.policy.full_plan import FullPlan, PlannedDatabase, PlannedPart, Then
from dr.policy.recovery_target import RecoveryTarget

TAKEN = datetime(2026, 1, 31, 2, 30, tzinfo=UTC)


def part(kind: Kind, seconds: float | None, then: Then = Then.LAID) -> PlannedPart:
    """A part of a megabyte."""
    label = f"{kind}_20260131_023000"
    return PlannedPart(str(kind), str(kind), kind, label, TAKEN, ("cloud",), 10**6, then, "/srv", seconds)


DATABASE = PlannedDatabase(
    "base_20260131_020000_full",
    TAKEN,
    "/data",
    RecoveryTarget(),
    "to the newest WAL",
    ("loses     little",),
    10**9,
    60.0,
)
PLAN = FullPlan(
    system="shop",
    point="point_20260131_023000",
    taken=TAKEN,
    statement="everything fits",
    database=DATABASE,
    parts=(part(Kind.FILES, 30.0), part(Kind.REDIS, 4.0, Then.PUT_BACK)),
    order=("restore", "start"),
    missing=("code: none",),
    warnings=("careful",),
)


def test_it_says_what_where_from_how_long_in_which_order_and_what_is_missing() -> None:
    """Word by word; a golden text would say the same."""
    text = "\n".join(PLAN.lines())

    for line in (
        "point     point_20260131_023000, taken 2026-01-31 02:30:00 UTC",
        "database  base_20260131_020000_full -> /data",
        "          to the newest WAL",
        "part      files: files_20260131_023000 (1.0 MB from cloud, about 30 s)",
        "          is put back: /srv",
        "takes     1002.0 MB to fetch; about 1.0 minutes to restore (a forecast)",
        "step 2    start",
        "missing   code: none",
        "warning   careful",
    ):
        assert line in text


def test_no_warning_is_said_twice() -> None:
    """Neither by the plan itself, nor by it and the database's own lines."""
    database = replace(DATABASE, words=("loses     little", "warning   it is old"))
    lines = replace(PLAN, database=database, warnings=("careful", "it is old", "careful")).lines()

    assert [line.strip() for line in lines if "warning" in line] == ["warning   it is old", "warning   careful"]


def test_an_exercise_is_called_so_before_anything_else() -> None:
    """With what it does not do; who else is in charge stands there as well."""
    lines = replace(PLAN, exercise=True, left_out=("names stay",), elsewhere=("db2 is in charge, timeline 3",)).lines()

    assert lines[1].startswith("EXERCISE  nothing outside of this host is changed")
    assert lines[2:4] == ("not done  names stay", "in charge db2 is in charge, timeline 3")
    assert not any("EXERCISE" in line for line in PLAN.lines())


def test_the_forecast_is_that_of_the_longest_or_of_all_together_on_four_hands() -> None:
    """And there is none where a part's is not known."""
    many = replace(PLAN, parts=tuple(part(Kind.FILES, 100.0) for _ in range(8)))
    unknown = replace(PLAN, parts=(part(Kind.FILES, None),))

    assert (PLAN.seconds, many.seconds, unknown.seconds) == (60.0, 215.0, None)
    assert "unknown" in "\n".join(unknown.lines())


def test_a_plan_that_is_gone_on_with_names_the_run_and_what_it_has_done() -> None:
    """Whoever agrees a second time sees how far it had come."""
    lines = PLAN.resumed("full-recovery_20260131_031500", ("database", "restore files")).lines()

    assert "resumes   full-recovery_20260131_031500; done: database, restore files" in lines


def test_a_plan_without_a_point_says_so() -> None:
    """Its parts were never tied together."""
    assert "point     none: the newest backup of each kind" in replace(PLAN, point="", taken=None).lines()


def test_a_plan_survives_the_journal() -> None:
    """What was agreed to is read back as it was."""
    event = Event(TAKEN, "end", "plan", result=encoded_result(PLAN))
    again = msgspec.json.decode(msgspec.json.encode(event), type=Event)

    assert decoded_result(again, FullPlan) == PLAN
