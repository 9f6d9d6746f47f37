"""Is the scheduler alive? Every active schedule must have a run in the future, or nothing will ever run by itself.

Read back, because it fails in silence: with a library of the wrong version Prefect's server starts, shows every
schedule, runs what is started by hand, and creates no scheduled run; only a line in its log says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort

from deployments.rows import DeployedRow, Done
from dr.errors import DrError

# The scheduler looks for changed deployments every five seconds, and at all of them every minute.
PATIENCE_SECONDS = 75.0
_PAUSE_SECONDS = 0.5


class SchedulerSilent(DrError):
    """Prefect's scheduler creates no runs: what is scheduled will not happen."""


@dataclass(frozen=True, slots=True)
class _Awaited:
    name: str
    deployment: UUID
    schedule: UUID


def check_schedules(
    client: SyncPrefectClient, names: Sequence[str], patience_seconds: float = PATIENCE_SECONDS
) -> tuple[DeployedRow, ...]:
    """One row per active schedule of the deployments called ``names``, with its next run.

    Raises SchedulerSilent when a schedule has none after ``patience_seconds``.
    """
    awaited = list(_active(client, names))
    rows: dict[UUID, DeployedRow] = {}
    until = time.monotonic() + patience_seconds
    while True:
        for item in awaited:
            begin = None if item.schedule in rows else _next_run(client, item)
            if begin is not None:
                when = f"next run {begin.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
                rows[item.schedule] = DeployedRow("schedule", item.name, Done.CHECKED, when)
        silent = [item.name for item in awaited if item.schedule not in rows]
        if not silent:
            return tuple(rows.values())
        if time.monotonic() > until:
            raise _silent(silent, patience_seconds)
        time.sleep(_PAUSE_SECONDS)


def _active(client: SyncPrefectClient, names: Sequence[str]) -> Iterator[_Awaited]:
    for name in names:
        deployment = client.read_deployment_by_name(name)
        for schedule in deployment.schedules:
            if schedule.active and not deployment.paused:
                yield _Awaited(f"{name}/{schedule.slug or 'unnamed'}", deployment.id, schedule.id)


def _next_run(client: SyncPrefectClient, item: _Awaited) -> datetime | None:
    runs = client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[item.deployment])),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
            expected_start_time=FlowRunFilterExpectedStartTime(after_=datetime.now(UTC)),
        ),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
    )
    for run in runs:
        if run.created_by is not None and run.created_by.id == item.schedule:
            return run.expected_start_time
    return None


def _silent(names: Sequence[str], waited: float) -> SchedulerSilent:
    return SchedulerSilent(
        f"Prefect's scheduler creates no runs: {', '.join(names)} will never run by itself",
        detail=f"No future run after {waited:.0f} s, though the schedule is active.",
        hint="Look at the server's log for 'Can't evaluate bulk DML statement': then its environment needs"
        " sqlalchemy>=2.0.40,<2.1 (as constraints.txt pins it). Otherwise see that the server's services run: they do"
        " not with --no-services, unless `prefect server services start` runs beside it.",
    )
