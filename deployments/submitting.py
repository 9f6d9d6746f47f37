"""Having a worker run a deployment, and waiting for its end: what ``dr --remote`` does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound, PrefectException

from dr.errors import ConfigurationError

POLL_SECONDS = 1.0
_STUCK_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class RemoteArtifact:
    """What the run published: a table's rows or a text."""

    key: str
    description: str
    rows: tuple[Mapping[str, Any], ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class RemoteRun:
    """A run that has ended. ``message`` is Prefect's, and names the exception of one that failed."""

    id: str
    name: str
    state: str
    message: str
    completed: bool
    artifacts: tuple[RemoteArtifact, ...]


def submit(deployment: str, parameters: Mapping[str, Any], say: Callable[[str], None]) -> RemoteRun:
    """Run ``FLOW/NAME`` with these parameters and wait, however long it takes; each new state is said.

    Raises ConfigurationError when there is no such deployment, or Prefect refuses the run.
    """
    with get_client(sync_client=True) as client:
        try:
            known = client.read_deployment_by_name(deployment)
            run = client.create_flow_run_from_deployment(known.id, parameters=dict(parameters))
        except ObjectNotFound:
            raise ConfigurationError(
                f"the Prefect server has no deployment {deployment}",
                hint="Register the system with `dr deploy`, or name another with --system.",
            ) from None
        except (PrefectException, httpx.HTTPError) as error:
            raise ConfigurationError(
                f"Prefect does not take a run of {deployment}", detail=str(error), hint="Look at the server's log."
            ) from error
        say(f"run {run.name} is submitted; it goes on if this command is interrupted")
        ended = _wait(client, run, say)
        return RemoteRun(
            id=str(ended.id),
            name=ended.name,
            state=ended.state_name or "unknown",
            message=(ended.state.message if ended.state else "") or "",
            completed=bool(ended.state and ended.state.is_completed()),
            artifacts=_artifacts(client, ended.id),
        )


def _wait(client: SyncPrefectClient, run: FlowRun, say: Callable[[str], None]) -> FlowRun:
    seen, told, begin, warned = run, "", time.monotonic(), False
    while True:
        seen = _look(client, seen)
        if seen.state_name != told:
            told = seen.state_name or ""
            say(f"{seen.name}: {told}")
        if seen.state is not None and seen.state.is_final():
            return seen
        waiting = seen.state is None or seen.state.is_scheduled()
        if waiting and not warned and time.monotonic() - begin > _STUCK_SECONDS:
            warned = True
            say(f"no worker has taken {seen.name} for {_STUCK_SECONDS:.0f} s: is one running for its work pool?")
        time.sleep(POLL_SECONDS)


def _look(client: SyncPrefectClient, known: FlowRun) -> FlowRun:
    """The run as it is now; as it was known when the server does not answer: the worker goes on without a watcher."""
    try:
        return client.read_flow_run(known.id)
    except httpx.HTTPError:
        return known


def _artifacts(client: SyncPrefectClient, run: UUID) -> tuple[RemoteArtifact, ...]:
    found = client.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run])))
    made = []
    for item in sorted(found, key=lambda item: str(item.created)):
        if not item.key or item.type not in ("table", "markdown"):
            continue
        data = item.data
        rows = json.loads(data) if item.type == "table" and isinstance(data, str) else data
        if item.type == "table":
            made.append(
                RemoteArtifact(item.key, item.description or "", rows=tuple(cast("list[dict[str, Any]]", rows)))
            )
        else:
            made.append(RemoteArtifact(item.key, item.description or "", text=str(data)))
    return tuple(made)
