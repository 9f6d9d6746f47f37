"""Does Prefect start what is to run by itself? Asked where a server is configured; elsewhere the evidence alone tells.

An asset without an active schedule is itself an alert: two people noticed after 44 and 62 days (I26).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from dr.configuration.masking import mask_url
from dr.configuration.model import System
from dr.errors import ServerUnreachable
from dr.operations.measure.runs import expected_of
from dr.policy.metric import Sample, sample
from dr.web import prefect

METRICS = ("schedule_active", "schedule_late_runs")
LATE = timedelta(minutes=15)
"""A run that waits for so long has no worker; Prefect itself calls it late after 15 seconds."""
PATIENCE_SECONDS = 10.0
MONITORING = "monitoring"


class _Run(msgspec.Struct, frozen=True):
    deployment_id: str | None = None


def measure_schedules(system: System, now: datetime) -> Iterator[Sample]:
    """Nothing where no server is configured. A server that is gone is measured, what it would say is not."""
    server = prefect.configured()
    if not server:
        return
    try:
        found = prefect.deployments_of(server, system.name, PATIENCE_SECONDS)
        late = _late(server, [item.id for item in found], now)
    except prefect.UNREACHED as error:
        raise ServerUnreachable(
            f"the Prefect server at {mask_url(server)} does not tell what is scheduled",
            str(error),
            "Start it, or correct PREFECT_API_URL; nothing runs by itself meanwhile.",
        ) from error
    active = {item.procedure for item in found if item.waits_for_its_time}
    for name in (*(item.procedure for item in expected_of(system)), MONITORING):
        yield sample("schedule_active", name in active, system.name, name)
    for item in found:
        yield sample("schedule_late_runs", late[item.id], system.name, item.procedure)


def measure_scheduler(system: System, now: datetime) -> Iterator[Sample]:
    """Whether the server answers at all."""
    server = prefect.configured()
    if not server:
        return
    try:
        prefect.ask(server, "deployments/filter", {"limit": 1}, list[prefect.Deployment], PATIENCE_SECONDS)
    except prefect.UNREACHED:
        yield sample("scheduler_up", 0, system.name)
    else:
        yield sample("scheduler_up", 1, system.name)


def _late(server: str, deployments: list[str], now: datetime) -> Counter[str]:
    if not deployments:
        return Counter()
    wanted = {
        "deployments": {"id": {"any_": deployments}},
        "flow_runs": {
            "state": {"type": {"any_": ["SCHEDULED"]}},
            "expected_start_time": {"before_": (now.astimezone(UTC) - LATE).isoformat()},
        },
    }
    runs = prefect.ask(server, "flow_runs/filter", wanted, list[_Run], PATIENCE_SECONDS)
    return Counter(item.deployment_id for item in runs if item.deployment_id)
