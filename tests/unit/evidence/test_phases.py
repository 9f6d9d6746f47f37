"""Phases: timed by a clock that only goes forward, merged without inventing time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.evidence.phases import Phase, Stopwatch, merge

MOMENTS = st.integers(0, 1000).map(float)
PHASES = st.lists(
    st.builds(
        lambda name, begin, length, busy, size: Phase(name, begin, begin + length, busy, size),
        st.sampled_from(["fetch", "decrypt", "restore", "check"]),
        MOMENTS,
        MOMENTS,
        st.none() | MOMENTS,
        st.none() | st.integers(0, 10**12),
    ),
    max_size=8,
).map(tuple)


def test_a_phase_lasts_as_long_as_what_happens_in_it():
    """Measured, in order, by name."""
    watch = Stopwatch()
    with watch.phase("find"):
        time.sleep(0.02)
    with watch.phase("check"):
        pass

    find, check = watch.phases
    assert (find.name, check.name) == ("find", "check")
    assert 0.02 <= find.seconds < 2
    assert check.begin >= find.end


def test_a_phase_that_fails_is_timed_as_well():
    """How long it took to fail belongs to the evidence."""
    watch = Stopwatch()
    with pytest.raises(RuntimeError), watch.phase("restore"):
        raise RuntimeError

    assert [phase.name for phase in watch.phases] == ["restore"]


def test_a_stage_of_a_stream_counts_its_own_work():
    """Phases that stream overlap: begin and end are the stream's, the seconds its own."""
    assert Phase("decrypt", 10, 20, busy_seconds=3.5).seconds == 3.5
    assert Phase("boot", 10, 20).seconds == 10


def test_phases_of_one_name_become_one():
    """Earliest begin, latest end, work and bytes added up."""
    merged = merge((Phase("fetch", 0, 4, 1.0, 100), Phase("boot", 4, 5), Phase("fetch", 2, 8, 2.0, 50)))

    assert merged == (Phase("fetch", 0, 8, 3.0, 150), Phase("boot", 4, 5))


def test_time_between_two_attempts_is_no_work():
    """The first copy was damaged, ten minutes went into finding out: verifying took two seconds, not ten minutes."""
    (merged,) = merge((Phase("verify files", 0, 1), Phase("verify files", 600, 601)))

    assert (merged.begin, merged.end) == (0, 601)
    assert merged.seconds == 2


@given(PHASES)
def test_merging_keeps_all_work_and_all_bytes(phases):
    """Nothing is lost and nothing invented, in whatever order they come."""
    merged = merge(phases)

    assert {phase.name for phase in merged} == {phase.name for phase in phases}
    assert len(merged) == len({phase.name for phase in merged})
    assert [phase.begin for phase in merged] == sorted(phase.begin for phase in merged)
    for phase in merged:
        parts = [part for part in phases if part.name == phase.name]
        assert phase.begin == min(part.begin for part in parts)
        assert phase.end == max(part.end for part in parts)
        assert phase.seconds == pytest.approx(sum(part.seconds for part in parts))
        assert (phase.bytes or 0) == sum(part.bytes or 0 for part in parts)


def test_merging_nothing_gives_nothing():
    """A run that failed at once."""
    assert merge(()) == ()
    assert merge(iter(())) == ()
