"""The forecast of a recovery rests on what was measured, and says on what."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from dr.catalog.labels import Kind, Label
from dr.catalog.lsn import Lsn
from dr.policy.recovery_estimate import UNKNOWN, Rates, estimate, measured
from dr.policy.recovery_plan import plan_recovery
from dr.policy.recovery_plan_point import with_point
from dr.policy.recovery_point import Base, HistoryFile, RecoveryPoint, WalCopy, WalPiece
from dr.policy.recovery_target import RecoveryTarget, TargetKind
from tests.unit.catalog.examples import NIGHT, manifest

BASE = manifest(Label(NIGHT, Kind.BASE), end_lsn=Lsn(99))
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
MEASURED = Rates(1000.0, 10.0, 2.0, 3.0, NOW)
PIECE = WalPiece("000000010000000000000005", None, "", (WalCopy("cloud", "k", 5_000_000, ""),))
POINT = RecoveryPoint(
    RecoveryTarget(), (Base(BASE, ("local",)),), 1, 1 << 24, (PIECE,) * 4, (HistoryFile("x", ""),), Lsn(9), NOW
)


def test_restoring_replaying_booting_and_checking_add_up():
    """WAL is fetched meanwhile and costs no time of its own."""
    forecast = estimate(MEASURED, BASE, 60_000, 50)

    assert forecast.seconds == 60 + 5 + 2 + 3
    assert str(forecast) == "about 1.2 minutes (a forecast from the recovery of 2026-01-31 12:00 UTC)"


def test_without_a_recovery_the_reading_back_of_the_backup_tells_something():
    """And what it leaves out is said."""
    forecast = estimate(Rates(), BASE, BASE.stored_bytes, 50)

    assert forecast.seconds == 1.5
    assert "reading the backup back" in str(forecast)
    assert "without the replay of 50 segments" in str(forecast)


def test_where_nothing_was_measured_nothing_is_claimed():
    """Not even roughly."""
    assert str(estimate(Rates(), replace(BASE, verifications=()), 1, 0)) == UNKNOWN


def test_few_segments_do_not_change_the_known_rate_of_replay():
    """One segment in a second of booting says nothing about a thousand."""
    assert MEASURED.merged(measured(10, 1, 2, 1, 1, 1)).replay_segments == 10.0
    assert MEASURED.merged(measured(10, 1, 40, 1, 1, 1)).replay_segments == 40.0


def test_the_plan_says_from_where_how_much_and_what_is_lost():
    """The bytes of each store, and of the base backup too; a warning that no longer holds is gone."""
    plan = with_point(
        plan_recovery(BASE, ("local",), "/copy", production=False),
        POINT,
        {"cloud": "GLACIER_IR"},
        MEASURED,
        NOW,
        lambda time: time,
    )
    text = "\n".join(plan.lines())

    assert "4 segments, 000000010000000000000005 to 000000010000000000000005: 20.0 MB from cloud (GLACIER_IR)" in text
    assert plan.fetch_bytes == BASE.stored_bytes + 20_000_000
    assert "loses     what was committed after 2026-01-31 12:00:00.000000 UTC, 0 s ago" in text
    assert "without archived WAL" not in text


def test_what_each_target_loses_is_said():
    """What was committed after it."""
    for target, words in (
        (RecoveryTarget(TargetKind.TIME, time=NOW), "after 2026-01-31 12:00:00.000000 UTC"),
        (RecoveryTarget(TargetKind.TIME, time=NOW, inclusive=False), "at or after 2026-01-31"),
        (RecoveryTarget(TargetKind.LSN, lsn=Lsn(40)), "after LSN 0/28"),
        (RecoveryTarget(TargetKind.IMMEDIATE), "after 2024-01-01 02:03:00"),
    ):
        drawn = plan_recovery(BASE, ("local",), "/copy", production=False)
        point = replace(POINT, target=target, pieces=())
        plan = with_point(drawn, point, {}, MEASURED, NOW, lambda time: time)
        assert plan.point is not None
        assert words in plan.point.lost
