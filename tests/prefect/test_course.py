"""Steps beside each other under Prefect: each is a task run of the flow, and what fails does not take the run along."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import TaskRunFilter, TaskRunFilterFlowRunId
from prefect.events import emit_event
from prefect.events.worker import EventsWorker
from prefect.settings import PREFECT_API_URL

from dr.errors import RecoveryFailed
from tasks.record import last_record
from tests.prefect.speaking import speaking_to
from tests.prefect.test_runner_parity import Relay
from tests.unit.tasks.toy_course import BESIDE, EVERY, toy_course


def states(client: SyncPrefectClient, wanted: int) -> list[str]:
    """How the task runs of the last flow run ended, by the account of Prefect, which comes a little later."""
    record = last_record()
    assert record is not None
    of_the_run = TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[record.id]))
    until = time.monotonic() + 30
    while True:
        found = client.read_task_runs(task_run_filter=of_the_run)
        ended = sorted(run.state.name or "" for run in found if run.state and run.state.is_final())
        if len(ended) >= wanted or time.monotonic() > until:
            return ended
        time.sleep(0.2)


def test_steps_in_threads_are_task_runs_of_the_flow(
    client: SyncPrefectClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that failed shows as failed; the run goes on in a second run, which calls only what had not ended."""
    decorated: object = toy_course
    assert isinstance(decorated, Flow)
    monkeypatch.setenv("FAILING", "redis")
    with pytest.raises(RecoveryFailed, match="redis failed"):
        toy_course(str(tmp_path))
    first = states(client, 4)
    monkeypatch.delenv("FAILING")
    done = toy_course(str(tmp_path))
    second = states(client, 2)

    assert first == ["Completed", "Completed", "Completed", "Failed"]
    assert second == ["Completed", "Completed"]
    assert [item.step for item in done] == list(EVERY)
    called = [line.split() for line in (tmp_path / "calls").read_text().splitlines()]
    assert {step for step, in_main in called if in_main == "False"} == set(BESIDE)


def test_a_part_that_fails_leaves_the_run_completed_where_it_may(
    client: SyncPrefectClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The flow's own state says completed, the part's failed."""
    monkeypatch.setenv("FAILING", "uploads")
    done = toy_course(str(tmp_path), going_on=True)
    record = last_record()

    assert [item.step for item in done] == ["choose", "redis", "code", "start"]
    assert states(client, 5) == ["Completed"] * 4 + ["Failed"]
    assert record is not None
    run = client.read_flow_run(record.id)  # type: ignore[arg-type]
    assert run.state is not None
    assert run.state.is_completed()


def test_task_runs_reach_the_server_in_use_after_another_has_gone(client: SyncPrefectClient, tmp_path: Path) -> None:
    """As when the tests of another file had a server of their own, and this file runs in the same process."""
    address = urlsplit(str(PREFECT_API_URL.value()))
    relay = Relay((str(address.hostname), int(address.port or 0)))
    relay.open()
    EventsWorker.drain_all(timeout=2)  # so that the other server is the first that any event goes to
    with speaking_to(f"http://127.0.0.1:{relay.port}/api"):
        assert emit_event("toy.happened", {"prefect.resource.id": "toy"})
        relay.close()
    toy_course(str(tmp_path))

    assert states(client, 5) == ["Completed"] * 5
