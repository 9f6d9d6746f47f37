"""Somebody at Prefect's UI: begins a run from its form, reads what the run asks, answers it, and looks at how it ended.

Through the API, by the calls that the forms make.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.objects import FlowRun
from prefect.flow_runs import resume_flow_run

APPROVER = "the tester"
PATIENCE_SECONDS = 400
"""For what comes by itself: a machine that is busy takes half a minute to begin one run."""

T = TypeVar("T")


def until(found: Callable[[], T | None], seconds: float, log: Path) -> T:
    """What ``found`` finds, as soon as it does; otherwise the worker's ``log`` tells why not."""
    deadline = time.monotonic() + seconds
    while (value := found()) is None:
        assert time.monotonic() < deadline, log.read_text(errors="replace")[-5000:]
        time.sleep(0.3)
    return value


@dataclass(frozen=True, slots=True)
class Desk:
    """``system`` is whose deployments are used; ``log`` is the worker's."""

    client: SyncPrefectClient
    system: str
    log: Path

    def begin(self, flow: str, **filled: object) -> UUID:
        """Submit the form of a procedure with these fields filled in; the run."""
        deployment = self.client.read_deployment_by_name(f"{flow}/{self.system}")
        schema = deployment.parameter_openapi_schema
        assert schema is not None
        # As the form does it: every field, with what stands in it by default.
        fields = {name: field["default"] for name, field in schema["properties"].items() if "default" in field}
        given = {**fields, **{name: value for name, value in filled.items() if name in fields}}
        assert filled.items() <= given.items(), "the form has no such field"
        return self.client.create_flow_run_from_deployment(
            deployment.id, parameters={**given, **(deployment.parameters or {})}
        ).id

    def question(self, run: UUID) -> str:
        """What the run shows while it waits for an answer, as soon as it does."""

        def asked() -> str | None:
            now = self.client.read_flow_run(run)
            assert now.state is not None
            assert not now.state.is_final(), now.state.message
            keys = now.state.state_details.run_input_keyset
            if now.state_name != "Paused" or keys is None:
                return None
            # Prefect keeps the form in pieces, after it has paused the run; what is shown comes last.
            kept = self.client.filter_flow_run_input(run, key_prefix=keys["description"], limit=1, exclude_keys=set())
            return str(json.loads(kept[0].value)) if kept else None

        return until(asked, PATIENCE_SECONDS, self.log)

    def answer(self, run: UUID, decision: str) -> None:
        """Fill in the question's form and send it off."""
        filled = {"approver": APPROVER, "system": self.system, "decision": decision, "reason": "a test"}
        resume_flow_run(run, run_input=filled)

    def ended(self, run: UUID) -> FlowRun:
        """The run, once it is over."""
        return until(lambda: self.over(run), PATIENCE_SECONDS, self.log)

    def over(self, run: UUID) -> FlowRun | None:
        """The run, if it is over."""
        now = self.client.read_flow_run(run)
        return now if now.state is not None and now.state.is_final() else None

    def shown(self, run: UUID) -> dict[str, object]:
        """What the run has published, by key; tables as lists of rows."""
        only = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]))
        found = [one for one in self.client.read_artifacts(artifact_filter=only) if one.key]
        return {str(one.key): json.loads(str(one.data)) if one.type == "table" else one.data for one in found}

    def steps(self, run: UUID) -> list[tuple[str, str | None]]:
        """The run's tasks, each with how it ended."""
        only = FlowRunFilter(id=FlowRunFilterId(any_=[run]))
        return [
            (one.name.rpartition("-")[0], one.state_name) for one in self.client.read_task_runs(flow_run_filter=only)
        ]

    def lines(self, run: UUID) -> list[str]:
        """The run's log."""
        only = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run]))
        return [f"{log.name}: {log.message}" for log in self.client.read_logs(log_filter=only)]
