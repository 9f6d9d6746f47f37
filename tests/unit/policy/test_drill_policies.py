"""Verdict, age, draw, expectation, faults of the host, summary: the drill's decisions, without a drill."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.canary import Beat
from dr.catalog.lsn import Lsn
from dr.catalog.manifest import Contents, Level, TableRows
from dr.errors import ConfigurationError
from dr.policy.drill_age import canary_probe, dump_age_probe, label_probe, newest_probe, shown
from dr.policy.drill_draw import DrillRequest, draw_moment, parse_drill_target
from dr.policy.drill_summary import summarise
from dr.policy.drill_verdict import Answer, Probe, Verdict, judge
from dr.policy.dump_contents import differences
from dr.policy.environment_faults import environment_fault
from dr.policy.expectation import parse_assertion
from dr.policy.recovery_target import TargetKind
from dr.policy.wal_window import Interval
from tests.unit.policy.test_forecast import growing

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def interval(begin: datetime, end: datetime, timeline: int = 1) -> Interval:
    """A stretch that can be recovered."""
    return Interval(timeline, begin, Lsn(0), end, Lsn(9), True, 1, "a", "b", 1, 1, None)


def test_what_failed_outweighs_what_could_not_be_asked() -> None:
    """The first failing level is named, and nothing is shown one level higher than proven (I29)."""
    probes = [
        Probe("a", Answer.PASSED, "", Level.QUERIED),
        Probe("b", Answer.FAILED, "no", Level.QUERIED),
        Probe("c", Answer.FAILED, "bad", Level.CHECKSUMMED),
        Probe("d", Answer.UNPROVEN, "not here", Level.BOOTED, essential=True),
    ]
    found = judge(probes, Level.QUERIED)

    assert (found.verdict, found.level) == (Verdict.NOT_RECOVERABLE, Level.CHECKSUMMED)
    assert found.reasons == ("b: no", "c: bad")
    assert str(found) == "not recoverable: not checksummed"


def test_an_essential_question_without_an_answer_is_inconclusive() -> None:
    """And proves no level that it stands for (I27)."""
    found = judge([Probe("boot", Answer.UNPROVEN, "no server", Level.BOOTED, essential=True)], Level.QUERIED)

    assert (found.verdict, found.level) == (Verdict.INCONCLUSIVE, Level.RESTORED)
    assert judge([Probe("choose", Answer.UNPROVEN, "x", Level.STORED, essential=True)], None).level is None


def test_what_is_not_essential_is_told_and_decides_nothing() -> None:
    """Recoverable, with what was not proven."""
    found = judge([Probe("amcheck", Answer.UNPROVEN, "not installed")], Level.QUERIED)

    assert (found.verdict, found.level, found.unproven) == (
        Verdict.RECOVERABLE,
        Level.QUERIED,
        ("amcheck: not installed",),
    )


@pytest.mark.incident("I28")
@pytest.mark.parametrize(
    ("age", "canary", "answer"),
    [
        (timedelta(minutes=5), True, Answer.PASSED),
        (timedelta(minutes=20), True, Answer.FAILED),
        (timedelta(minutes=20), False, Answer.UNPROVEN),
        (timedelta(hours=27), False, Answer.FAILED),
    ],
)
def test_the_age_of_the_newest_that_can_be_recovered(age: timedelta, canary: bool, answer: Answer) -> None:
    """Without a canary an idle server is not called broken until a daily backup is missing."""
    assert newest_probe(NOW - age, NOW, 900, canary=canary).answer is answer


def test_an_old_dump_and_a_new_label_on_an_old_backup_are_red() -> None:
    """By the daily run, and by what the manifest itself says."""
    assert dump_age_probe(NOW - timedelta(hours=25), NOW).answer is Answer.PASSED
    assert dump_age_probe(NOW - timedelta(hours=27), NOW).answer is Answer.FAILED
    assert label_probe(NOW, NOW + timedelta(seconds=3)).answer is Answer.PASSED
    assert label_probe(NOW, NOW - timedelta(hours=1)).answer is Answer.FAILED


def test_an_old_canary_row_is_red_unless_the_server_says_it_came_to_the_target() -> None:
    """Then it was the canary that was silent."""
    beat = Beat(7, NOW - timedelta(hours=1))

    assert canary_probe(beat, NOW, 900, hit=False).answer is Answer.FAILED
    assert canary_probe(beat, NOW, 900, hit=True).answer is Answer.UNPROVEN
    assert canary_probe(None, NOW, 900, hit=True).answer is Answer.UNPROVEN
    assert canary_probe(beat, NOW - timedelta(minutes=59), 900, hit=False).answer is Answer.PASSED


@given(st.integers(0, 10**6), st.lists(st.integers(0, 5000), min_size=1, max_size=4))
def test_every_drawn_moment_lies_in_the_window(seed: int, lengths: list[int]) -> None:
    """On the timeline of its interval, whatever the seed."""
    begin, intervals = NOW, []
    for timeline, length in enumerate(lengths, 1):
        intervals.append(interval(begin, begin + timedelta(seconds=length), timeline))
        begin += timedelta(seconds=length + 100)

    target = draw_moment(intervals, random.Random(seed))

    assert target.kind is TargetKind.TIME
    mine = next(item for item in intervals if item.timeline == target.timeline)
    assert target.time is not None
    assert mine.begin <= target.time <= mine.end


def test_long_intervals_are_drawn_more_often() -> None:
    """Every second has the same chance."""
    one = interval(NOW, NOW + timedelta(seconds=10), 1)
    other = interval(NOW, NOW + timedelta(seconds=990), 2)
    drawn = [draw_moment([one, other], random.Random(seed)).timeline for seed in range(500)]

    assert 480 <= drawn.count(2) <= 500
    with pytest.raises(ValueError, match="empty"):
        draw_moment([one], random.Random(1), since=NOW + timedelta(hours=1))


def test_targets_as_people_write_them() -> None:
    """A naive time is refused (I6)."""
    kinds = {"latest": TargetKind.LATEST, "immediate": TargetKind.IMMEDIATE, "16/B374D848": TargetKind.LSN}
    for text, kind in kinds.items():
        target = parse_drill_target(DrillRequest(target=text))
        assert target is not None
        assert target.kind is kind
    assert parse_drill_target(DrillRequest(target="random")) is None
    with pytest.raises(ConfigurationError, match="zone"):
        parse_drill_target(DrillRequest(target="2026-01-31 02:00"))


@pytest.mark.parametrize(
    "header", ["", "-- expect:", "-- expect: > x", "-- expect: between 1 and two", "-- expect: 1\n-- timeout: soon"]
)
def test_an_assertion_must_say_what_it_expects(header: str) -> None:
    """And say it so that it can be compared."""
    with pytest.raises(ConfigurationError, match=r"one\.sql"):
        parse_assertion("one.sql", f"{header}\nSELECT 1")


def test_numbers_are_compared_as_numbers() -> None:
    """9 is less than 10, and text is no number."""
    assertion = parse_assertion("one.sql", "-- expect: > 9\nSELECT 10")

    assert assertion.problem([("10",)]) == ""
    assert assertion.problem([("many",)]) == "many instead of > 9"
    assert assertion.problem([(None,)]) == "NULL instead of > 9"
    assert "2 rows" in assertion.problem([("1",), ("2",)])


@pytest.mark.incident("I27")
@pytest.mark.parametrize(
    "message",
    [
        'ERROR:  extension "postgis" is not available',
        'could not open extension control file "/usr/share/postgresql/15/extension/hstore.control": No such file',
        'FATAL:  could not access file "timescaledb": No such file or directory',
        'ERROR:  could not load library "/usr/lib/x/pg_trgm.so": wrong ELF',
        "PANIC:  could not write to file: No space left on device",
        "FATAL:  database locale is incompatible with operating system",
        'ERROR:  invalid locale name: "de_DE.utf8"',
        "ERROR:  ICU is not supported in this build",
        'FATAL:  invalid value for parameter "wal_compression": "lz4"',
        "FATAL:  could not create shared memory segment: Cannot allocate memory",
        "LOG: too many open files",
    ],
)
def test_what_the_host_lacks_is_recognised(message: str) -> None:
    """With a sentence that says what to do."""
    found = environment_fault(message)

    assert found
    assert "{" not in found


@pytest.mark.parametrize(
    "message",
    [
        "ERROR:  invalid page in block 3 of relation base/5/16384",
        "ERROR:  could not read block 7 in file base/5/16384: read only 0 of 8192 bytes",
        "ERROR:  missing chunk number 0 for toast value 16390",
        "PANIC:  could not locate a valid checkpoint record",
        "FATAL:  WAL file is from different database system",
        "LOG:  invalid record length at 0/3000028",
        'ERROR:  relation "orders" does not exist',
        'ERROR:  role "app" does not exist',
        "FATAL:  recovery ended before configured recovery target was reached",
    ],
)
def test_damage_is_no_fault_of_the_host(message: str) -> None:
    """A message that nobody knows is no excuse."""
    assert environment_fault(message) is None


def test_dumps_are_compared_by_rows_and_by_content_where_both_know_it() -> None:
    """Manifests from before digests were taken compare by their rows."""
    one = Contents((TableRows("a", 2, "crc32:1:2"), TableRows("b", 0)), 3, "toc", 1, "lo", 1, "seq")

    assert differences(one, one) == ()
    assert differences(one, replace(one, tables=(TableRows("a", 2), TableRows("b", 0)))) == ()
    changed = replace(one, tables=(TableRows("a", 2, "crc32:2:2"), TableRows("c", 0)), large_objects=0, toc_sha256="x")
    assert len(differences(one, changed)) == 5


@pytest.mark.incident("I3")
def test_a_system_that_nobody_drills_is_unproven() -> None:
    """Every method that applies must have been green within so many days."""
    now = growing()[0].begin + timedelta(days=3)
    fresh = summarise(growing(), ["physical"], 7, now)
    stale = summarise(growing(), ["physical", "logical"], 2, now)

    assert fresh.proven
    assert fresh.counts["recoverable"] == 10
    assert stale.stale == (
        "the last green physical drill was 3 d 0 h ago, more than 2 days",
        "no logical drill has ever been green",
    )


@pytest.mark.parametrize(
    ("seconds", "text"), [(1.24, "1.2 s"), (90, "1 min"), (3700, "1 h 1 min"), (90000, "1 d 1 h"), (-5, "-5.0 s")]
)
def test_spans_are_shown_for_people(seconds: float, text: str) -> None:
    """Two units at most."""
    assert shown(timedelta(seconds=seconds)) == text
