"""Will what is scheduled run? Every active deployment of the system needs a run in the future (I26).

Asked through Prefect's HTTP interface: to import Prefect takes longer than an assessment may, and it may be what broke.
``deployments/scheduler_check.py`` asks the same when something is deployed.
"""

from __future__ import annotations

import base64
import os
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from dr.configuration.masking import mask_url
from dr.operations.assess.questions import PREFECT_SERVER
from dr.policy.observation import Condition, Observation, Subject

T = TypeVar("T")
_AT_ONCE = 4
_MOST = 200


class _Schedule(msgspec.Struct, frozen=True):
    active: bool = True


class _Deployment(msgspec.Struct, frozen=True):
    id: str
    entrypoint: str | None = None
    paused: bool = False
    schedules: list[_Schedule] = []

    @property
    def waits_for_its_time(self) -> bool:
        return not self.paused and any(schedule.active for schedule in self.schedules)

    @property
    def procedure(self) -> str:
        return (self.entrypoint or self.id).rpartition(".")[2].replace("_", "-")


class _Run(msgspec.Struct, frozen=True):
    id: str


def see_schedules(system: str, seconds: float) -> Observation:
    """Never raises for what the server does or does not say."""
    server = os.environ.get(PREFECT_SERVER, "").strip().rstrip("/")

    def told(condition: Condition, shown: str, detail: str) -> Observation:
        return Observation(Subject.SCHEDULES, condition, shown, detail)

    try:
        found = _ask(
            server, "deployments/filter", {"deployments": {"name": {"any_": [system]}}}, list[_Deployment], seconds
        )
        scheduled = [item for item in found if item.waits_for_its_time]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            runs = pool.map(lambda item: _has_future_run(server, item, seconds), scheduled)
            idle = [item.procedure for item, has_run in zip(scheduled, runs, strict=True) if not has_run]
    except (OSError, ValueError, msgspec.DecodeError) as error:
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


def _has_future_run(server: str, deployment: _Deployment, seconds: float) -> bool:
    wanted = {
        "deployments": {"id": {"any_": [deployment.id]}},
        "flow_runs": {
            "state": {"type": {"any_": ["SCHEDULED"]}},
            "expected_start_time": {"after_": datetime.now(UTC).isoformat()},
        },
        "limit": 1,
    }
    return bool(_ask(server, "flow_runs/filter", wanted, list[_Run], seconds))


def _ask(server: str, path: str, wanted: Mapping[str, object], kind: type[T], seconds: float) -> T:
    request = urllib.request.Request(  # noqa: S310 - the operator's own server
        f"{server}/{path}", data=msgspec.json.encode({"limit": _MOST, **wanted}), headers=_headers(), method="POST"
    )
    with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310
        return msgspec.json.decode(answer.read(), type=kind)


def _headers() -> dict[str, str]:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    key, login = os.environ.get("PREFECT_API_KEY", ""), os.environ.get("PREFECT_API_AUTH_STRING", "")
    if key:
        headers["Authorization"] = f"Bearer {key}"
    elif login:
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    return headers
