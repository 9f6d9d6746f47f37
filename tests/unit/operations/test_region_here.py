"""Whose an address is, and what is measured of a loss where nobody knows when the region went."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dr.catalog.canary import Beat
from dr.catalog.lsn import Lsn
from dr.operations.measure_loss import note_position
from dr.operations.region.afterwards import RegionLoss, lost
from dr.operations.region.archive import Replayed
from dr.operations.region.here import is_local
from dr.operations.region.take_over import TookOver
from dr.secret import Secret
from tests.unit.operations.places import system

BEGUN = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("host=127.0.0.1", True),
        ("host=/var/run/postgresql", True),
        ("port=5432", True),
        ("host=192.0.2.1", False),
        ("host=127.0.0.1 hostaddr=192.0.2.1", False),
        ("host=127.0.0.1,192.0.2.1", False),
        ("host=no-such-host.invalid", False),
    ],
)
def test_a_server_is_on_this_host_when_its_address_is(address: str, local: bool) -> None:
    """192.0.2.0/24 is nobody's."""
    assert is_local(Secret(address)) is local


def lost_of(tmp_path: Path, *, silent_seconds: float, known: int = 0) -> RegionLoss:
    """The last canary is in the new primary; it was silent when the failover began. ``known`` WAL bytes are missing."""
    mine = system(tmp_path)
    beat = Beat(600, BEGUN - timedelta(seconds=silent_seconds))
    note_position(mine, beat)
    took = TookOver("db2", 2, 1, Lsn(1000), Lsn(2000), beat, None)
    return lost(mine, took, Replayed(Lsn(1000), None, Lsn(1000)), Lsn(1000 + known), (), None, BEGUN)


def test_a_canary_that_was_silent_before_the_failover_measures_nothing(tmp_path: Path) -> None:
    """Nobody said when the region went: it may have taken orders for an hour after its canary had died."""
    assert lost_of(tmp_path, silent_seconds=1).loss.measured
    assert not lost_of(tmp_path, silent_seconds=3600).loss.measured


def test_a_canary_that_goes_on_with_the_new_primary_makes_the_loss_no_larger(tmp_path: Path) -> None:
    """What counts is the last one that was known before the promotion; by now a later one has been noted."""
    mine = system(tmp_path)
    restored, known = Beat(598, BEGUN - timedelta(seconds=3)), Beat(600, BEGUN - timedelta(seconds=1))
    note_position(mine, Beat(640, BEGUN + timedelta(seconds=40)))
    took = TookOver("db2", 2, 1, Lsn(1000), Lsn(2000), restored, None, known_beat=known)

    found = lost(mine, took, Replayed(Lsn(1000), None, Lsn(1000)), None, (), None, BEGUN).loss

    assert (found.measured, found.seconds) == (True, 2.0)


def test_no_seconds_lost_is_not_measured_where_wal_is_missing(tmp_path: Path) -> None:
    """The canary says nothing is, the WAL says something is."""
    loss = lost_of(tmp_path, silent_seconds=1, known=5000).loss

    assert (loss.measured, loss.seconds) == (False, None)
    assert "5000 bytes" in loss.explanation
