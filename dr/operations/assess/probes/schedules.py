"""Will what is scheduled run? Every active deployment of the system needs a run in the future (I26).

Asked through Prefect's HTTP interface: to import Prefect takes longer than an assessment may, and it may be what broke.
``deployments/scheduler_check.py`` asks the same when something is deployed.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import msgspec

from dr.configuration.masking import mask_url
from dr.policy.observation import Condition, Observation, Subject
from dr.web import prefect
from dr.web.prefect import Deployment

_AT_ONCE = 4


class _Run(msgspec.Struct, frozen=True):
    id: str


def see_schedules(system: str, seconds: float) -> Observation:
    """Never raises for what the server does or does not say."""
    server = prefect.configured()

    def told(condition: Condition, shown: str, detail: str) -> Observation:
        return Observation(Subject.SCHEDULES, condition, shown, detail)

    try:
        found = prefect.deployments_of(server, system, seconds)
        scheduled = [item for item in found if item.waits_for_its_time]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            runs = pool.map(lambda item: _has_future_run(server, item, seconds), scheduled)
            idle = [item.procedure for item, has_run in zip(scheduled, runs, strict=True) if not has_run]
    except prefect.UNREACHED as error:
        why = f"the Prefect server at {mask_url(server)} does not tell: {error}"
        return told(Condition.DOWN, "SERVER DOWN", f"{why}; nothing runs by itself")
    if not found:
        why = f"{system} is not deployed to {mask_url(server)}: nothing runs by itself"
        return told(Condition.IMPAIRED, "NONE", why)
    if idle:
        return told(Condition.IMPAIRED, "NO FUTURE RUN", f"will never run by itself: {', '.join(sorted(idle))}")
    paused = sorted(item.procedure for item in found if item.schedules and not item.waits_for_its_time)
    if paused:
        return told(Condition.IMPAIRED, "PAUSED", f"paused, and will not run by itself: {', '.join(paused)}")
    if not scheduled:
        return told(Condition.IMPAIRED, "NONE", "nothing that is deployed has a schedule: nothing runs by itself")
    return told(Condition.OK, f"OK ({len(scheduled)} have a future run)", ", ".join(i.procedure for i in scheduled))


def _has_future_run(server: str, deployment: Deployment, seconds: float) -> bool:
    wanted = {
        "deployments": {"id": {"any_": [deployment.id]}},
        "flow_runs": {
            "state": {"type": {"any_": ["SCHEDULED"]}},
            "expected_start_time": {"after_": datetime.now(UTC).isoformat()},
        },
        "limit": 1,
    }
    return bool(prefect.ask(server, "flow_runs/filter", wanted, list[_Run], seconds))
