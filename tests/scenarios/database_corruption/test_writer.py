"""The writer and its journal, on a server that runs and on one that dies."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dr.demo.baseline import take_baseline
from dr.demo.checks import check_recovered, expected_digests
from dr.demo.estate import Estate
from dr.demo.workload import user_count, writing
from dr.operations.measure_loss import last_position
from dr.postgres.connection import connected

pytestmark = pytest.mark.slow


def _has_ended(pid: int, within_seconds: float) -> bool:
    """Whether a child of ours becomes one that only waits to be reaped."""
    deadline = time.monotonic() + within_seconds
    while Path(f"/proc/{pid}/cmdline").read_bytes():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_the_journal_says_exactly_what_the_tables_hold(place: Estate) -> None:
    """The digests that the writer notes row by row add up to those that are read from the tables, even where its role
    writes dates in a way and a zone of its own."""
    before = take_baseline(place.superuser_url)
    with connected(place.superuser_url) as connection:
        connection.execute(
            "ALTER ROLE shop_owner SET timezone = '<+03>-03'; ALTER ROLE shop_owner SET datestyle = 'German'"
        )
        with writing(place, user_count(place), rate=200) as workload:
            workload.wait_for_commit()
            time.sleep(2.2)
            journal = workload.stop()
        connection.execute("ALTER ROLE shop_owner RESET ALL")
    after = take_baseline(place.superuser_url)
    rows = [row for item in journal.transactions for row in item.rows]
    result = check_recovered(before, (journal,), place.superuser_url)

    assert len(journal.acknowledged) == len(journal.transactions) > 100
    assert expected_digests(before, rows) == after.digests
    assert result.passed
    assert (result.rows_lost, result.transactions_lost) == (0, 0)
    assert result.rows_restored == sum(item.rows for name, item in after.digests.items() if "." in name)


def test_the_rate_is_kept(place: Estate) -> None:
    """The demo is a shop under load, not a benchmark of the machine it runs on."""
    with writing(place, user_count(place), rate=40) as workload:
        workload.wait_for_commit()
        begin = time.monotonic()
        time.sleep(2)
        journal = workload.stop()
        seconds = time.monotonic() - begin

    assert 20 < len(journal.acknowledged) < 40 * (seconds + 1.5)


def test_the_canary_is_kept_outside_the_database(place: Estate) -> None:
    """Its last acknowledged row is what a loss is counted from."""
    with writing(place, user_count(place)) as workload:
        workload.wait_for_commit()
        time.sleep(1.5)
        workload.stop()
    known = last_position(place.system)
    with connected(place.superuser_url) as connection:
        row = connection.execute("SELECT max(seq) AS seq FROM dr_canary").fetchone()

    assert known is not None
    assert row == {"seq": known.seq}


def test_the_servers_death_ends_the_writer_and_costs_nothing_acknowledged(place: Estate) -> None:
    """Power failure: what the server has acknowledged is there when it is up again, and the journal is whole."""
    before = take_baseline(place.superuser_url)
    with writing(place, user_count(place)) as workload:
        workload.wait_for_commit()
        time.sleep(1)
        place.server.crash()
        ended_by_itself = _has_ended(workload.pid, within_seconds=10)
        journal = workload.stop()
    place.server.begin(place.production)
    result = check_recovered(before, (journal,), place.superuser_url)

    assert ended_by_itself
    assert len(journal.acknowledged) > 50
    # At most the transaction at hand was in doubt, and unlogged tables are emptied by a crash.
    assert len(journal.transactions) - len(journal.acknowledged) <= 1
    assert result.passed, result.problems
    assert result.rows_lost == 0


def test_a_writer_waits_for_a_server_that_is_not_up_yet(place: Estate) -> None:
    """As the shop does while it is being recovered."""
    users = user_count(place)
    place.server.end()
    with writing(place, users) as workload:
        time.sleep(1)
        waited = workload.journal()
        place.server.begin(place.production)
        workload.wait_for_commit(30)
        journal = workload.stop()

    assert waited.transactions == ()
    assert journal.acknowledged
