"""Steps of backing up: each a retryable task around one operation."""

from __future__ import annotations

from datetime import UTC, datetime

from dr.catalog.manifest import Verification
from dr.operations import back_up_cluster as cluster
from dr.operations import back_up_database as database
from dr.operations import check_source as source
from dr.operations import expire, publish
from dr.operations import prove as proof
from dr.operations.draft import Draft
from dr.policy.base_schedule import BaseMethod
from tasks.runner import current_run, task
from tasks.systems import load_system

HOUR = 3600


@task(name="check the source", retries=2, timeout_seconds=120)
def check_source(system: str, cloud: bool) -> source.SourceReport:
    """Server reachable, tools new enough, repository ours."""
    return source.check_source(load_system(system), cloud=cloud)


@task(name="dump the database", retries=2, timeout_seconds=12 * HOUR)
def dump_database(system: str, cloud: bool) -> Draft:
    """Dump, compress, encrypt and store in one pass, globals included."""
    return database.back_up_database(load_system(system), run=current_run().id, cloud=cloud)


@task(name="copy the cluster", retries=2, timeout_seconds=24 * HOUR)
def copy_cluster(system: str, cloud: bool, base_method: BaseMethod) -> Draft:
    """Base backup over the replication protocol, full or incremental, encrypted and stored in one pass."""
    return cluster.back_up_cluster(load_system(system), run=current_run().id, cloud=cloud, base_method=base_method)


@task(name="read it back", retries=2, timeout_seconds=24 * HOUR)
def read_back(system: str, draft: Draft) -> tuple[Verification, ...]:
    """Prove every store's copy."""
    return proof.prove(load_system(system), draft, run=current_run().id)


@task(name="publish the backup", retries=3, timeout_seconds=600)
def publish_backup(system: str, draft: Draft, proofs: tuple[Verification, ...]) -> publish.Published:
    """Write the manifest: from now on the backup exists."""
    return publish.publish(load_system(system), draft, proofs)


@task(name="expire local copies", retries=1, timeout_seconds=HOUR)
def expire_local_copies(system: str, retention_days: int, *, run_succeeded: bool) -> tuple[expire.StoreExpiry, ...]:
    """Plan and carry out the local expiry; returns every decision with its reason."""
    settings = load_system(system)
    plan = expire.plan_local_expiry(
        settings, datetime.now(UTC), retention_days=retention_days or None, run_succeeded=run_succeeded
    )
    if run_succeeded:
        expire.apply_expiry(settings, plan)
    return plan
