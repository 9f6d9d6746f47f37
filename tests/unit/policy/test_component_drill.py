"""A component's drill: its age, the draw of its backup, and what it ends with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.component_kind import ComponentKind
from dr.catalog.drills import DrillRecord
from dr.catalog.labels import COMPONENT_KINDS, Kind, Label
from dr.catalog.manifest import ComponentContents, Level
from dr.components.registry import BY_KIND
from dr.errors import DrError, DrillInconclusive, ObjectiveMissed, PartialBackup, RecoveryFailed
from dr.operations.drill.require import require
from dr.operations.verify.registry import VERIFIABLE
from dr.policy.component_draw import ComponentRequest, draw_label
from dr.policy.drill_age import component_age_probe, shows, too_old
from dr.policy.drill_verdict import Answer, Verdict
from tests.unit.catalog.examples import manifest as example
from tests.unit.policy.test_forecast import growing

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.incident("I28")
@pytest.mark.parametrize(
    ("age", "every", "answer"),
    [
        (timedelta(hours=1), DAY, Answer.PASSED),
        (2 * DAY, DAY, Answer.PASSED),
        (2 * DAY + timedelta(seconds=1), DAY, Answer.FAILED),
        (8 * DAY, 7 * DAY, Answer.PASSED),
        (15 * DAY, 7 * DAY, Answer.FAILED),
        (timedelta(minutes=-1), DAY, Answer.PASSED),
        (timedelta(minutes=-5), DAY, Answer.UNPROVEN),
    ],
)
def test_the_newest_copy_may_be_twice_as_old_as_one_is_made(age: timedelta, every: timedelta, answer: Answer) -> None:
    """One missed run is red whatever the objectives say; a moment that is still to come proves nothing."""
    probe = component_age_probe(NOW - age, NOW, every)

    assert (probe.answer, probe.level) == (answer, Level.STORED)
    assert too_old(NOW - age, NOW, every) == (answer is Answer.FAILED)


def test_a_backup_is_as_old_as_what_it_shows() -> None:
    """By the source's own account where there is one: a server that has not saved for days is not new."""
    manifest = example()
    component = example(component=ComponentContents(NOW - 3 * DAY))

    assert shows(manifest) == manifest.begin
    assert shows(component) == NOW - 3 * DAY


@given(
    st.lists(st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)), min_size=1, max_size=20, unique=True),  # noqa: DTZ001
    st.integers(1, 2**31),
)
def test_the_same_seed_draws_the_same_backup_in_whatever_order_they_are_listed(
    times: list[datetime], seed: int
) -> None:
    """What a store lists first must not decide."""
    labels = [Label(time.replace(tzinfo=UTC), Kind.REDIS) for time in times]

    assert draw_label(labels, seed) == draw_label(reversed(labels), seed)
    assert draw_label(labels, seed) in labels


def test_a_form_offers_every_component_and_nothing_else() -> None:
    """A further kind is there without a line here, and each can be verified and drilled."""
    assert [str(kind) for kind in ComponentKind] == [str(kind) for kind in COMPONENT_KINDS]
    assert {one.kind for one in VERIFIABLE} == {Kind.DUMP, Kind.BASE, *COMPONENT_KINDS}
    assert all(one.drill is one.kind for one in VERIFIABLE if one.kind in COMPONENT_KINDS)
    assert all(one.every == BY_KIND[one.kind].every for one in VERIFIABLE if one.kind in BY_KIND)


def test_the_newest_is_what_is_meant_when_nothing_is_named() -> None:
    """And only then its age is judged."""
    assert ComponentRequest(Kind.CODE).newest
    assert ComponentRequest(Kind.CODE, "latest").newest
    assert not ComponentRequest(Kind.CODE, "random").newest
    assert ComponentRequest(Kind.CODE, "random").any
    assert not ComponentRequest(Kind.CODE, "code_20260101_020000").any


def _record(**changes: object) -> DrillRecord:
    values = {"method": "code", "kind": "code", "rpo_seconds": 86400.0, "rpo_target": None, "rto_target": 1800.0}
    return replace(growing()[0], **{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"verdict": str(Verdict.NOT_RECOVERABLE), "level": "stored"}, RecoveryFailed, "dr application-backup --only"),
        ({"verdict": str(Verdict.INCONCLUSIVE)}, DrillInconclusive, "Mend on this host"),
        ({"notes": ("the copy in local could not be used",)}, PartialBackup, "dr application-backup --only code"),
        ({"rto_seconds": 1801.0}, ObjectiveMissed, "dr drills"),
    ],
)
def test_what_is_not_green_ends_with_an_error_of_its_own(
    changes: dict[str, object], error: type[DrError], words: str
) -> None:
    """Bad, undecided, bad beside good, too slow; each with what to do."""
    with pytest.raises(error) as caught:
        require(_record(**changes))
    assert words in caught.value.hint


def test_a_days_old_component_misses_no_objective() -> None:
    """Its data is as old as its backup, which is promised by the day and not by the scenario's minutes."""
    record = _record(rto_seconds=3.0)
    require(record)

    assert record.met
