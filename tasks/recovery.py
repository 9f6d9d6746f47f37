"""Steps of recovering: each a task around one operation. Restores are not retried blindly: they try the next copy."""

from __future__ import annotations

from datetime import datetime

from dr.evidence.findings import CheckedCopy, Loss
from dr.evidence.scoreboard import RecoveryOutcome
from dr.operations import check_recovery, measure_loss, plan_recovery, rates
from dr.operations.plan_recovery import Chosen
from dr.operations.region.only_primary import warn_beside_primary
from dr.operations.restore import Restored, restore
from dr.operations.target import DirectoryTarget
from dr.operations.wal.hurry import hurry
from dr.policy.recovery_plan import RecoveryPlan
from dr.policy.recovery_target import RecoveryTarget
from tasks.runner import task
from tasks.systems import load_system

HOUR = 3600


@task(name="find the backup", retries=2, timeout_seconds=600)
def find(system: str, backup: str, to: str, until: RecoveryTarget = plan_recovery.NEWEST) -> Chosen:
    """The backup to restore, the WAL behind it, and the place it goes to.

    A receiver on this host stores what it has first: what happened a moment ago can then be recovered.
    """
    settings = load_system(system, require_postgres=False)
    hurry(settings)
    return plan_recovery.choose(settings, backup, to, until)


@task(name="plan the recovery", retries=2, timeout_seconds=120)
def plan(system: str, chosen: Chosen) -> RecoveryPlan:
    """What will be done; refuses a target where it would do harm."""
    return plan_recovery.plan(load_system(system, require_postgres=False), chosen)


@task(name="see who is in charge", timeout_seconds=120)
def see_charge(system: str, chosen: Chosen) -> tuple[str, ...]:
    """Where the copy is a cluster's: one that is put into service beside a primary splits the data in two."""
    if not isinstance(chosen.target, DirectoryTarget):
        return ()
    return warn_beside_primary(load_system(system, require_postgres=False), chosen.target.directory)


@task(name="confirm the target", timeout_seconds=120)
def confirm(system: str, agreed: RecoveryPlan, typed: str) -> None:
    """Production wants its name typed."""
    plan_recovery.require_confirmation(load_system(system, require_postgres=False), agreed, typed)


@task(name="restore the backup", retries=1, timeout_seconds=24 * HOUR)
def restore_backup(system: str, chosen: Chosen) -> Restored:
    """Fetch, decrypt, decompress and restore in one stream; a damaged copy is replaced by the next."""
    return restore(load_system(system, require_postgres=False), chosen)


@task(name="question the copy", timeout_seconds=12 * HOUR)
def question(system: str, chosen: Chosen) -> CheckedCopy:
    """Boot it where it has to be booted, let it replay up to the point, and ask it."""
    settings = load_system(system, require_postgres=False)
    return check_recovery.check_copy(settings, chosen.found.manifest, chosen.target, chosen.point)


@task(name="measure the loss", timeout_seconds=60)
def loss(system: str, copy: CheckedCopy, disaster_at: datetime | None, begun: datetime) -> Loss:
    """Canary against canary, or what the copy has against when the recovery was ``begun``."""
    settings = load_system(system, require_postgres=False)
    return measure_loss.measure_loss(settings, copy.canary, disaster_at, ended=begun, committed=copy.last_commit)


@task(name="keep the rates", timeout_seconds=60)
def keep_rates(system: str, chosen: Chosen, outcome: RecoveryOutcome) -> None:
    """How fast this one was, for the forecast of the next."""
    if chosen.point is not None:
        rates.keep_rates(load_system(system, require_postgres=False), chosen.point, outcome.phases)
