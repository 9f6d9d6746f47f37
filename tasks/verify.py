"""Steps of verifying: each a retryable task around one operation."""

from __future__ import annotations

from datetime import UTC, datetime

from dr.operations.verify import copies, packs
from dr.operations.verify import wal as stored_wal
from dr.policy.rotation import Chosen
from tasks.runner import current_run, task
from tasks.systems import load_system

HOUR = 3600


@task(name="choose the copies", retries=2, timeout_seconds=HOUR)
def choose(system: str, backup: str, days: int, stores: tuple[str, ...]) -> copies.Survey:
    """The copies of one backup, or those that are due today."""
    settings = load_system(system, require_postgres=False)
    if backup:
        asked = copies.all_copies(settings, backup, stores)
        return copies.Survey(settings.name, asked, len(asked), ())
    return copies.survey(settings, days, datetime.now(UTC))


@task(name="read the copies", retries=1, timeout_seconds=20 * HOUR)
def read_copies(system: str, chosen: tuple[Chosen, ...]) -> tuple[copies.CopyProof, ...]:
    """Fetch, hash, decrypt, unpack, list; each proof is kept beside the manifest."""
    return copies.verify_copies(load_system(system, require_postgres=False), chosen, run=current_run().id)


@task(name="read the WAL", retries=1, timeout_seconds=20 * HOUR)
def read_wal(system: str, days: int) -> tuple[stored_wal.StoreWalProof, ...]:
    """Today's share of every store's WAL."""
    return stored_wal.verify_wal(load_system(system, require_postgres=False), days, datetime.now(UTC))


@task(name="read the packs", retries=1, timeout_seconds=20 * HOUR)
def read_packs(system: str, days: int) -> tuple[packs.StorePackProof, ...]:
    """Today's share of the contents of uploads, in every store."""
    settings = load_system(system, require_postgres=False)
    return packs.verify_packs(settings, days, datetime.now(UTC), run=current_run().id)
