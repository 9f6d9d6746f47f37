"""Each of PostgreSQL's six targets is reached exactly, on every installed major."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from dr.policy.recovery_target import RecoveryTarget, TargetKind
from tests.integration.pitr.conftest import POINT, Story
from tests.integration.pitr.recovering import recover

pytestmark = pytest.mark.slow


def test_the_newest_wal_is_replayed_to_its_end(story: Story, tmp_path: Path) -> None:
    """Without a target nothing that is stored is lost, and the newest backup is the one that is restored."""
    done = recover(story.system, tmp_path / "copy", RecoveryTarget())

    assert done.ids == story.ids(story.all)
    assert done.chosen.found.manifest.label == story.bases[1]
    assert done.reached.last_file == done.point.pieces[-1].name
    assert done.timeline == 2


@pytest.mark.parametrize("inclusive", [True, False], ids=["inclusive", "exclusive"])
def test_a_time_is_reached_to_the_microsecond(story: Story, tmp_path: Path, inclusive: bool) -> None:
    """The row committed at that very moment is the last one, or the first one that is missing."""
    at = story.third[1]
    done = recover(story.system, tmp_path / "copy", RecoveryTarget(TargetKind.TIME, time=at.time, inclusive=inclusive))

    wanted = [m.id for m in story.all if (m.time <= at.time if inclusive else m.time < at.time)]
    assert done.ids == wanted
    assert "recovery stopping before commit" in done.reached.stopped


def test_a_time_before_the_newest_backup_is_reached_from_the_one_before_it(story: Story, tmp_path: Path) -> None:
    """A backup is of no use for a moment at which it was not finished."""
    at = story.second[2]
    done = recover(story.system, tmp_path / "copy", RecoveryTarget(TargetKind.TIME, time=at.time))

    assert done.ids == story.ids(story.first, story.second[:3])
    assert done.chosen.found.manifest.label == story.bases[0]


@pytest.mark.parametrize("inclusive", [True, False], ids=["inclusive", "exclusive"])
def test_an_lsn_is_reached_exactly(story: Story, tmp_path: Path, inclusive: bool) -> None:
    """Where the WAL was after a commit, the next record is the first one that is past it."""
    at = story.third[2]
    done = recover(story.system, tmp_path / "copy", RecoveryTarget(TargetKind.LSN, lsn=at.after, inclusive=inclusive))

    assert done.ids == story.ids(story.first, story.second, story.third[:3])


@pytest.mark.parametrize("inclusive", [True, False], ids=["inclusive", "exclusive"])
def test_a_transaction_is_the_last_one_or_the_first_one_missing(story: Story, tmp_path: Path, inclusive: bool) -> None:
    """The plan already says where in the WAL and when it was committed."""
    at = story.third[4]
    done = recover(story.system, tmp_path / "copy", RecoveryTarget(TargetKind.XID, xid=at.xid, inclusive=inclusive))

    assert done.ids == story.ids(story.first, story.second, story.third[: 5 if inclusive else 4])
    assert done.point.located is not None
    assert done.point.located.time == at.time
    assert at.before <= done.point.located.lsn < at.after


def test_a_restore_point_is_found_by_its_name(story: Story, tmp_path: Path) -> None:
    """Whatever characters it has; the plan says where it is."""
    done = recover(story.system, tmp_path / "copy", RecoveryTarget(TargetKind.NAME, name=POINT))

    assert done.ids == story.ids(story.first, story.second, story.third)
    assert done.point.located is not None
    assert done.point.located.time == story.third[-1].time


def test_immediate_is_the_end_of_the_backup(story: Story, tmp_path: Path) -> None:
    """No WAL is fetched for it."""
    done = recover(story.system, tmp_path / "copy", RecoveryTarget(TargetKind.IMMEDIATE), story.bases[0])

    assert done.ids == story.ids(story.first)
    assert done.point.pieces == ()


def test_a_time_after_the_last_commit_is_the_end_of_the_wal(story: Story, tmp_path: Path) -> None:
    """PostgreSQL alone would refuse it, for it sees no later commit; we know that all up to then is inside."""
    last = story.fourth[-1]
    quiet = story.origin.samples[-1][0]
    assert last.time < quiet
    at = last.time + (quiet - last.time) / 2
    done = recover(story.system, tmp_path / "copy", RecoveryTarget(TargetKind.TIME, time=at))

    assert done.ids == story.ids(story.all)


def test_the_end_of_the_wal_is_an_lsn_that_can_be_named(story: Story, tmp_path: Path) -> None:
    """As pg_current_wal_lsn() gave it when all was quiet."""
    done = recover(story.system, tmp_path / "copy", RecoveryTarget(TargetKind.LSN, lsn=story.fourth[-1].after))

    assert done.ids == story.ids(story.all)


def test_the_plan_says_all_that_is_to_be_known_before(story: Story, tmp_path: Path) -> None:
    """Target in both zones, backup, WAL, bytes, time it takes, and what is lost (I6)."""
    from dr.operations.plan_recovery import choose, plan

    at = story.third[1].time + timedelta(microseconds=1)
    target = RecoveryTarget(TargetKind.TIME, time=at)
    text = "\n".join(plan(story.system, choose(story.system, "latest", str(tmp_path / "c"), target)).lines())

    assert f"{at:%Y-%m-%d %H:%M:%S.%f} UTC = " in text
    assert story.bases[1] in text
    assert "MB from local (disk)" in text
    assert "a forecast" in text
    assert "what was committed after" in text
