"""Steps of verifying a recovered system: each a task around one operation."""

from __future__ import annotations

from dr.catalog.expected import Expected
from dr.operations.verify_recovery import VerifiedRecovery, verify
from dr.operations.verify_recovery.backup import LEFT_OUT
from dr.operations.verify_recovery.expectation import find_expectation
from tasks.runner import current_run, task
from tasks.systems import load_system

HOUR = 3600


@task(name="know what to expect", retries=2, timeout_seconds=HOUR)
def expect(system: str, against: str, may_shrink: float) -> Expected | None:
    """A baseline, a named backup, or the newest backup that lies before the recovered moment."""
    return find_expectation(load_system(system), against, may_shrink)


@task(name="ask the recovered system", timeout_seconds=12 * HOUR)
def ask(system: str, expected: Expected | None, seconds: float) -> VerifiedRecovery:
    """Everything at once, each question with a time limit; what is wrong is a result."""
    return verify.ask_recovered(load_system(system), expected=expected, seconds=seconds)


@task(name="back the recovered system up", timeout_seconds=24 * HOUR)
def back_up(system: str, found: VerifiedRecovery, wanted: bool) -> VerifiedRecovery:
    """A real backup in every store, read back."""
    if not wanted:
        return verify.without(found, "backup", LEFT_OUT)
    return verify.with_backup(load_system(system), found, run=current_run().id)


@task(name="see its WAL arrive", timeout_seconds=HOUR)
def see_wal(system: str, found: VerifiedRecovery, wanted: bool) -> VerifiedRecovery:
    """Commit, close the segment, wait until the stores have it."""
    if not wanted:
        return verify.without(found, "WAL", "left out on purpose")
    return verify.with_wal(load_system(system), found, run=current_run().id)
