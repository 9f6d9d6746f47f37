"""Whether what is committed now is safe follows from the receiver, the stores, and the server's own position."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dr.catalog.lsn import Lsn
from dr.policy.observation import Condition
from dr.policy.wal_in_sight import Receiver, Recoverable, WalSeen, Written, judge_wal

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
RPO = 900.0
AT_WORK = Receiver(alive=True, updated=NOW, stored_until=NOW - timedelta(seconds=20))
STORED = Recoverable(newest=NOW - timedelta(hours=3), end=Lsn.parse("0/5000000"), timeline=1)


def judged(**seen: object):
    """What is said of it."""
    return judge_wal("receive", WalSeen(**seen), RPO, NOW)  # type: ignore[arg-type]


def test_a_receiver_at_work_is_well():
    """Twenty seconds behind, fifteen minutes allowed."""
    said = judged(receiver=AT_WORK, stored=STORED)

    assert (said.condition, said.shown) == (Condition.OK, "OK (20.0 s behind)")


def test_a_receiver_that_does_not_run_is_told_however_new_the_stores_are():
    """From now on nothing more comes in."""
    said = judged(receiver=replace(AT_WORK, alive=False), stored=replace(STORED, newest=NOW))

    assert said.condition is Condition.IMPAIRED
    assert "dr wal receive does not run on this host" in said.detail


def test_a_receiver_that_has_stopped_telling_is_told():
    """Its process is there and hangs."""
    said = judged(receiver=replace(AT_WORK, updated=NOW - timedelta(minutes=5)), stored=STORED)

    assert said.condition is Condition.IMPAIRED
    assert "has told nothing for 5 min" in said.detail


def test_commits_older_than_the_objective_that_are_not_safe_are_told():
    """The stores end three hours ago, and nobody is at work here."""
    said = judged(stored=STORED)

    assert (said.condition, said.shown) == (Condition.IMPAIRED, "3 h 0 min behind")
    assert "the objective is 15 min" in said.detail


def test_an_idle_server_is_not_behind():
    """Where the server's WAL ends is in the stores: nothing was committed since."""
    written = Written(NOW, Lsn.parse("0/5000000"), 1)

    assert judged(stored=STORED, written=written).condition is Condition.OK
    assert judged(stored=STORED, written=replace(written, lsn=Lsn.parse("0/5000001"))).condition is Condition.IMPAIRED
    assert judged(stored=STORED, written=replace(written, timeline=2)).condition is Condition.IMPAIRED


@pytest.mark.incident("I18")
@pytest.mark.parametrize(
    "seen",
    [
        {"receiver": replace(AT_WORK, base_needed="the slot was lost")},
        {"receiver": AT_WORK, "stored": replace(STORED, broken="the slot was lost")},
    ],
)
def test_wal_that_leads_nowhere_is_down(seen):
    """However busily it is received: only a new base backup helps."""
    said = judged(**seen)

    assert (said.condition, said.shown) == (Condition.DOWN, "BROKEN")
    assert "the slot was lost" in said.detail


def test_a_spool_that_does_not_empty_is_told():
    """What waits on this host is lost with it."""
    said = judged(receiver=replace(AT_WORK, waiting_segments=40, oldest_waiting_seconds=1200.0), stored=STORED)

    assert said.condition is Condition.IMPAIRED
    assert "40 segments wait to be stored" in said.detail


def test_nothing_known_is_nothing_said():
    """That the stores are silent is told by itself."""
    assert judged() is None
    assert judge_wal("none", WalSeen(), RPO, NOW).condition is Condition.ABSENT


def test_stores_without_any_wal_are_told():
    """Configured to be received, and never was."""
    assert judged(stored=Recoverable(None)).condition is Condition.IMPAIRED


def test_a_broken_chain_makes_nothing_safe():
    """The newest moment of a window that cannot be recovered to is no forecast of the loss."""
    assert WalSeen(stored=replace(STORED, broken="lost")).safe_until is None
    assert WalSeen(receiver=replace(AT_WORK, alive=False)).safe_until is None
    assert WalSeen(AT_WORK, STORED).safe_until == AT_WORK.stored_until
