"""The primary is killed under load and its data deleted: what was acknowledged is there, or known to be lost."""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dr.configuration.model import System
from dr.demo.baseline import Baseline, take_baseline
from dr.demo.checks import CheckResult, check_recovered
from dr.demo.dataset import load_dataset
from dr.demo.estate import Estate, estate
from dr.demo.journal import Journal
from dr.demo.receiver import receiving
from dr.demo.workload import user_count, writing
from dr.evidence.findings import Loss
from dr.operations.check_recovery import check_copy
from dr.operations.measure_loss import measure_loss
from dr.operations.plan_recovery import choose
from dr.operations.restore import restore
from dr.operations.wal.status import read_status
from dr.postgres.account import make_directory
from dr.postgres.connection import connected
from tests.scenarios.database_corruption.procedures import back_up

pytestmark = pytest.mark.slow


def _open(place: Estate) -> Baseline:
    load_dataset(place, 0.02)
    return take_baseline(place.superuser_url)


def _lose_it_all(place: Estate) -> datetime:
    """When: not even a crash recovery is possible afterwards."""
    place.server.kill()
    lost_at = datetime.now(UTC)
    shutil.rmtree(place.production)
    return lost_at


def _recover(place: Estate, lost_at: datetime) -> Loss:
    """The newest WAL into a new directory, which serves afterwards; the measured loss."""
    target = place.directory / "recovered"
    make_directory(target, place.directory)
    chosen = choose(place.system, "latest", str(target))
    restore(place.system, chosen)
    copy = check_copy(place.system, chosen.found.manifest, chosen.target, chosen.point)
    copy.require(chosen.found.manifest.label)
    loss = measure_loss(place.system, copy.canary, None, ended=lost_at, committed=copy.last_commit)
    with (target / "postgresql.auto.conf").open("a", encoding="utf-8") as stream:
        stream.write("synchronous_standby_names = ''\n")  # its receiver is not there yet
    place.server.begin(target)
    return loss


def _names_the_receiver(place: Estate, system: System) -> None:
    """What makes the server wait for the receiver with every commit."""
    with connected(place.superuser_url) as connection:
        connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{system.wal_slot}'".encode())
        connection.execute("SELECT pg_reload_conf()")


def _wait_until_synchronous(place: Estate) -> None:
    deadline = time.monotonic() + 30
    with connected(place.superuser_url) as connection:
        while not connection.execute("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'").fetchone():
            assert time.monotonic() < deadline
            time.sleep(0.05)


def _compared(place: Estate, before: Baseline, journal: Journal) -> CheckResult:
    result = check_recovered(before, (journal,), place.superuser_url)
    assert result.problems == ()
    assert result.checksums_match
    return result


def test_with_the_synchronous_receiver_nothing_that_was_acknowledged_is_lost(tmp_path: Path) -> None:
    """Zero commits of some thousand, counted in the journal of the client that was told of them."""
    with estate(tmp_path / "here") as place:
        before = _open(place)
        with receiving(place, synchronous=True) as receiver:
            receiver.wait_until_receiving()
            _names_the_receiver(place, place.system)
            _wait_until_synchronous(place)
            with writing(place, user_count(place)) as workload:
                workload.wait_for_commit()
                back_up(place.system)
                time.sleep(4)
                lost_at = _lose_it_all(place)
                journal = workload.stop()
            receiver.stop()

        loss = _recover(place, lost_at)

        result = _compared(place, before, journal)
        assert len(journal.acknowledged) > 500
        assert result.transactions_lost == 0
        assert result.rows_lost == 0
        assert loss.seconds == 0


def test_without_it_no_more_is_lost_than_was_told_before(tmp_path: Path) -> None:
    """The receiving host goes first, the primary some seconds later: the loss is what the last status had announced."""
    with estate(tmp_path / "here") as place:
        before = _open(place)
        with receiving(place) as receiver:
            receiver.wait_until_receiving()
            with writing(place, user_count(place)) as workload:
                workload.wait_for_commit()
                back_up(place.system)
                time.sleep(6)
                status = read_status(place.system)
                receiver.kill()
                time.sleep(3)
                with connected(place.superuser_url) as connection:
                    row = connection.execute("SELECT clock_timestamp() AS now").fetchone()
                lost_at = _lose_it_all(place)
                journal = workload.stop()
        shutil.rmtree(place.system.wal_spool)  # with its host the spool is gone too

        loss = _recover(place, lost_at)

        result = _compared(place, before, journal)
        assert status is not None
        assert status.stored_server_time is not None
        assert row is not None
        announced = (row["now"] - status.stored_server_time).total_seconds()
        assert result.transactions_lost > 0
        assert loss.measured
        assert loss.seconds is not None
        assert 2 <= loss.seconds <= announced + 1.5  # a canary beats once a second
        assert status.stored_server_time <= datetime.now(UTC)
