"""Who takes runs from the work pool."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import WorkerStatus

from deployments.registry import WORK_POOL

# Workers report every 30 seconds; Prefect calls one offline after three missed reports.
_SEEN_WITHIN = timedelta(minutes=2)


def online_workers(client: SyncPrefectClient) -> tuple[str, ...]:
    """Names of the workers that polled the pool lately."""
    oldest = datetime.now(UTC) - _SEEN_WITHIN
    return tuple(
        sorted(
            worker.name
            for worker in client.read_workers_for_work_pool(WORK_POOL)
            if worker.status == WorkerStatus.ONLINE
            and worker.last_heartbeat_time is not None
            and worker.last_heartbeat_time > oldest
        )
    )
