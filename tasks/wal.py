"""Steps of keeping the WAL safe: each a retryable task around one operation."""

from __future__ import annotations

from dr.operations.wal import catch_up as catching_up
from dr.operations.wal import check_wal as checking
from dr.operations.wal import known_holes, level_stores, measure_lag, prove_wal, watch_intake
from dr.policy.objectives import Scenario
from tasks.runner import current_run, task
from tasks.systems import load_system

HOUR = 3600


@task(name="watch the intake", retries=1, timeout_seconds=120)
def watch(system: str) -> watch_intake.Intake:
    """Is a receiver streaming, or archive_command working?"""
    return watch_intake.watch_intake(load_system(system))


@task(name="ship what waits", retries=2, timeout_seconds=6 * HOUR)
def ship(system: str, intake: watch_intake.Intake) -> catching_up.CaughtUp:
    """Empty the spool; close the open segment where it hides commits."""
    return catching_up.catch_up(load_system(system), intake, run=current_run().id)


@task(name="level the stores", retries=2, timeout_seconds=6 * HOUR)
def level(system: str) -> level_stores.LevelSummary:
    """Copy what one store misses from another that has it."""
    return level_stores.level_stores(load_system(system))


@task(name="check for gaps", retries=2, timeout_seconds=HOUR)
def check(system: str) -> checking.WalCheck:
    """Every timeline of every store."""
    return checking.check_wal(load_system(system))


@task(name="prove stored WAL", retries=1, timeout_seconds=HOUR)
def prove(system: str, sample: int) -> prove_wal.WalProof:
    """Read a sample back, the newest included, and open it where the key is."""
    return prove_wal.prove_wal(load_system(system), sample=sample, seed=current_run().id)


@task(name="measure the RPO", retries=1, timeout_seconds=120)
def measure(
    system: str,
    scenario: Scenario,
    intake: watch_intake.Intake,
    caught_up: catching_up.CaughtUp,
    checked: checking.WalCheck,
) -> measure_lag.WalLag:
    """What a disaster now would cost."""
    return measure_lag.measure_lag(load_system(system), scenario, intake, caught_up, checked)


@task(name="note the known gaps", timeout_seconds=60)
def note_gaps(system: str, checked: checking.WalCheck) -> None:
    """They have been told of; later runs fail on others only."""
    known_holes.remember_holes(load_system(system), checked.holes)
