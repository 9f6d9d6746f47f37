"""WAL retention against a model: whatever bases come, go, and branch, no kept one loses a segment it may need (I16)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.lsn import Lsn
from dr.catalog.wal_index import Ancestor, StoredSegment, WalBlock
from dr.catalog.wal_names import LOG_BYTES, WalGeometry
from dr.policy.wal_coverage import WalHoldings
from dr.policy.wal_retention import KeptBase, LogFile, plan_wal_expiry, reaches, shrunk

GEOMETRY = WalGeometry(1 << 30)
PER_LOG = GEOMETRY.per_log
QUARTER = GEOMETRY.segment_bytes // 4


@dataclass
class Model:
    """A repository by hand: segments by timeline and number, bases and branches in quarters of a segment."""

    segments: set[tuple[int, int]] = field(default_factory=lambda: {(1, 0)})
    parent: dict[int, tuple[int, int]] = field(default_factory=dict)
    bases: list[tuple[int, int]] = field(default_factory=list)
    ends: dict[int, int] = field(default_factory=lambda: {1: 1})
    now: int = 1

    def write(self, quarters: int) -> None:
        """The running timeline goes on."""
        end = self.ends[self.now] + quarters
        self.segments |= {(self.now, number) for number in range(self.ends[self.now] // 4, end // 4 + 1)}
        self.ends[self.now] = end

    def recover(self, timeline: int, back: int) -> None:
        """A recovery to a point of any timeline: a new one branches off there, with the segment of the switch."""
        begin = self.parent[timeline][1] if timeline in self.parent else 0
        switch = max(begin, self.ends[timeline] - back)
        self.now = max(self.ends) + 1
        self.parent[self.now] = (timeline, switch)
        self.ends[self.now] = switch
        self.write(1)

    def needed(self, base: tuple[int, int]) -> set[tuple[int, int]]:
        """Every segment that some recovery from this base backup may replay: along any timeline that comes after it."""
        timeline, begin = base
        found = {(timeline, number) for number in range(begin // 4, self.ends[timeline] // 4 + 1)}
        for child, (parent, switch) in self.parent.items():
            if parent == timeline and switch >= begin:
                found |= self.needed((child, switch))
        return found & self.segments

    @property
    def kept(self) -> list[KeptBase]:
        return [KeptBase(f"base_{place}", t, Lsn(begin * QUARTER)) for place, (t, begin) in enumerate(self.bases)]

    @property
    def files(self) -> set[LogFile]:
        return {LogFile(timeline, number // PER_LOG) for timeline, number in self.segments}

    @property
    def histories(self) -> dict[int, tuple[Ancestor, ...]]:
        return {timeline: self._ancestors(timeline) for timeline in self.parent}

    def _ancestors(self, timeline: int) -> tuple[Ancestor, ...]:
        if timeline not in self.parent:
            return ()
        parent, switch = self.parent[timeline]
        return (*self._ancestors(parent), Ancestor(parent, Lsn(switch * QUARTER)))

    @property
    def holdings(self) -> WalHoldings:
        return WalHoldings(_blocks(self.segments))


def _blocks(segments: Iterable[tuple[int, int]]) -> list[WalBlock]:
    by_file: dict[LogFile, list[StoredSegment]] = {}
    for timeline, number in sorted(segments):
        name = str(GEOMETRY.segment(timeline, number))
        entry = StoredSegment(name, 1, "", "", datetime(2024, 1, 1, tzinfo=UTC))
        by_file.setdefault(LogFile(timeline, number // PER_LOG), []).append(entry)
    return [
        WalBlock("shop", "7", item.timeline, item.log, GEOMETRY.segment_bytes, tuple(found))
        for item, found in by_file.items()
    ]


_steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 40)),
        st.tuples(st.just("base"), st.integers(0, 3)),
        st.tuples(st.just("drop"), st.integers(0, 100)),
        st.tuples(st.just("recover"), st.integers(0, 100)),
        st.just(("expire", 0)),
    ),
    max_size=40,
)


@pytest.mark.incident("I16")
@given(_steps)
def test_no_history_lets_go_of_wal_that_a_kept_base_backup_may_need(steps):
    """WAL flows, bases come and go at random, recoveries branch off anywhere: every path of every kept base stays."""
    model = Model()
    for what, number in steps:
        if what == "write":
            model.write(number)
        elif what == "base":
            begin = max(model.ends[model.now] - number, model.parent.get(model.now, (0, 0))[1])
            model.bases.append((model.now, begin))
        elif what == "drop" and model.bases:
            model.bases.pop(number % len(model.bases))
        elif what == "recover":
            model.recover(sorted(model.ends)[number % len(model.ends)], number)
        elif what == "expire":
            needed = set().union(*(model.needed(base) for base in model.bases))
            before = reaches(model.holdings, model.histories, model.kept)
            plan = plan_wal_expiry(model.kept, model.files)
            assert not plan.going or model.bases
            model.segments = {
                (timeline, place)
                for timeline, place in model.segments
                if LogFile(timeline, place // PER_LOG) not in plan.going
            }

            assert needed <= model.segments
            assert shrunk(before, reaches(model.holdings, model.histories, model.kept)) == ()


@pytest.mark.incident("I16")
@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 40)), min_size=1, max_size=5),
    st.sets(st.tuples(st.integers(1, 3), st.integers(0, 9))),
)
def test_exactly_the_whole_log_files_before_the_oldest_kept_base_go(bases, files):
    """All of them, on every timeline, but none of which a part is needed, and never the newest of a timeline."""
    kept = [
        KeptBase(str(place), timeline, Lsn(begin * GEOMETRY.segment_bytes + 40))
        for place, (timeline, begin) in enumerate(bases)
    ]
    there = {LogFile(*item) for item in files}

    plan = plan_wal_expiry(kept, there)

    lowest = min(begin for _, begin in bases) * GEOMETRY.segment_bytes
    newest = {timeline: max(item.log for item in there if item.timeline == timeline) for timeline, _ in files}
    expected = [
        item for item in sorted(there) if (item.log + 1) * LOG_BYTES <= lowest and item.log != newest[item.timeline]
    ]
    assert list(plan.going) == expected
    assert plan.staying == len(there) - len(expected)
    assert "begins at" in plan.reason


@pytest.mark.parametrize(
    "kept, reason",
    [
        ([], "there is no base backup in this store: all WAL stays"),
        ([KeptBase("base_x", 1, None)], "base_x does not say which WAL it needs: all WAL stays"),
        (
            [KeptBase("base_y", 1, Lsn(9 * LOG_BYTES)), KeptBase("base_x", None, Lsn(0))],
            "base_x does not say which WAL it needs: all WAL stays",
        ),
    ],
)
def test_nothing_goes_while_it_is_not_known_what_is_needed(kept, reason):
    """The last base backup was removed by hand, or a manifest is of another time."""
    plan = plan_wal_expiry(kept, [LogFile(1, log) for log in range(5)])

    assert (plan.going, plan.staying, plan.reason) == ((), 5, reason)


def test_a_window_that_shrinks_is_told_by_base_and_timeline():
    """A base that cannot reach as far as before, and one that is gone; more WAL is no loss."""
    before = {("base_a", 1): Lsn(100), ("base_a", 2): Lsn(200), ("base_b", 1): Lsn(100)}
    after = {("base_a", 1): Lsn(300), ("base_a", 2): Lsn(199)}

    assert shrunk(before, after) == (
        "base_a along timeline 2 to 0/C8, now to 0/C7",
        "base_b along timeline 1 to 0/64, now to nowhere",
    )
