"""The search finds the very transaction, asks few copies for it, and says so where it had to stop earlier."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.lsn import Lsn
from dr.errors import TargetRefused
from dr.policy.last_good import Asked, Commit, LastGood, Trial, find_last_good
from dr.policy.recovery_target import RecoveryTarget, TargetKind

BEGIN = datetime(2026, 1, 31, tzinfo=UTC)


def commit(number: int) -> Commit:
    """Commits lie ten bytes apart."""
    return Commit(700 + number, Lsn(1000 + number * 10), BEGIN + timedelta(seconds=number))


@dataclass
class World:
    """``commits`` of which number ``bad`` breaks the data (None: it was a disk), and base backups after some of them.

    ``spoilt`` are bases that hold what a disk had broken.
    """

    commits: int
    bad: int | None
    bases: dict[str, int]
    marks: tuple[int, ...] = ()
    spoilt: frozenset[str] = frozenset()
    asked: list[Trial] = field(default_factory=list)

    def ask(self, trial: Trial) -> Asked:
        self.asked.append(trial)
        until, done = trial.until, self.bases[trial.label]
        if until.kind is TargetKind.LATEST:
            done = self.commits
        elif until.lsn is not None:
            reached = until.lsn.position - 1000 + (1 if until.inclusive else 0)
            done = max(done, min(math.ceil(reached / 10), self.commits))
        good = trial.label not in self.spoilt and (self.bad is None or done <= self.bad)
        return Asked(trial, good)

    def marks_of(self, label: str) -> list[Lsn]:
        return [Lsn(mark) for mark in self.marks if mark > 1000 + self.bases[label] * 10]

    def commits_of(self, label: str, low: Lsn | None, high: Lsn | None) -> list[Commit]:
        found = [commit(number) for number in range(self.bases[label], self.commits)]
        return [item for item in found if (low is None or item.lsn >= low) and (high is None or item.lsn < high)]

    def find(self, limit: int = 60, *, on_disk: bool = False) -> LastGood:
        newest_first = sorted(self.bases, key=lambda label: -self.bases[label])
        return find_last_good(newest_first, self.ask, self.marks_of, self.commits_of, limit=limit, on_disk=on_disk)


@pytest.mark.incident("I7")
@given(st.integers(1, 400), st.data())
def test_the_very_transaction_is_found(commits: int, data: st.DataObject) -> None:
    """However many there are, with a number of trials that grows by one when they double."""
    bad = data.draw(st.integers(0, commits - 1))
    marks = tuple(sorted(data.draw(st.sets(st.integers(1001, 1000 + commits * 10), max_size=20))))
    world = World(commits, bad, {"old": 0, "new": data.draw(st.integers(1, commits))}, marks)

    found = world.find()

    assert found.exact
    assert found.culprit == commit(bad)
    assert found.until == RecoveryTarget(TargetKind.LSN, lsn=commit(bad).lsn, inclusive=False)
    assert len(world.asked) <= 3 + math.log2(len(marks) + 1) + math.log2(commits + 1) + 2


def test_what_is_not_in_the_wal_costs_nothing_but_one_trial() -> None:
    """The newest backup with all WAL is good."""
    found = World(50, None, {"old": 0, "new": 20}).find(on_disk=True)

    assert (found.label, found.until, found.exact) == ("new", RecoveryTarget(), True)
    assert len(found.asked) == 1


def test_a_backup_of_broken_pages_is_passed_over_for_an_older_one_with_all_wal() -> None:
    """Nothing is lost: the disk's damage is not in the WAL."""
    world = World(50, None, {"oldest": 0, "old": 10, "new": 20}, spoilt=frozenset({"new"}))

    found = world.find(on_disk=True)

    assert (found.label, found.until) == ("old", RecoveryTarget())


def test_when_no_trial_is_left_the_last_good_place_is_given_and_what_may_be_lost_is_told() -> None:
    """Never more than was known to be good."""
    found = World(400, 300, {"base": 0}).find(limit=6)

    assert not found.exact
    assert found.culprit is None
    assert found.remaining > 1
    assert len(found.asked) == 6
    assert found.until.lsn is not None
    assert found.until.lsn <= commit(300).lsn
    assert "used up" in found.lines()[0]


def test_when_nothing_is_good_it_is_refused_with_all_that_was_asked() -> None:
    """A condition that was never true, say."""
    with pytest.raises(TargetRefused, match="no copy") as caught:
        World(10, 0, {"a": 1, "b": 2}).find()

    assert caught.value.detail.count("NOT good") == 3


def test_damage_that_no_commit_made_ends_at_the_last_good_place() -> None:
    """There is nothing to halve."""
    world = World(5, 4, {"base": 5})
    world.bases["base"] = 4

    def nothing(label: str, low: Lsn | None, high: Lsn | None) -> list[Commit]:
        return []

    found = find_last_good(["base"], world.ask, world.marks_of, nothing, limit=9, on_disk=False)

    assert found.exact
    assert found.culprit is None
    assert found.until.kind is TargetKind.IMMEDIATE
