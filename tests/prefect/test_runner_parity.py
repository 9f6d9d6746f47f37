"""Both runners run the same steps the same way and leave the same record."""

from __future__ import annotations

import contextlib
import logging
import socket
import subprocess
import sys
import threading
import time
import warnings
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.exceptions import ParameterTypeError
from prefect.settings import PREFECT_API_URL
from prefect.types.entrypoint import EntrypointType

from dr.errors import KeyUnusable
from tasks.record import last_record
from tasks.run import RunRecord
from tasks.runner import RUNNER, flow, publish_table
from tests.prefect.speaking import speaking_to
from tests.prefect.toy_flow import stopped, toy

ROOT = Path(__file__).parents[2]
WITHOUT_PREFECT = (
    "import sys, runpy; sys.modules['prefect'] = None; runpy.run_module('tests.prefect.toy_flow', run_name='__main__')"
)


def closed() -> RunRecord:
    """The record of the run that just ended."""
    record = last_record()
    assert record is not None
    return record


def run_plain() -> tuple[int, RunRecord]:
    """The toy's exit code and record in a process where Prefect cannot be imported."""
    environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "DR_RETRY_BASE_SECONDS": "0.01"}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PREFECT],
        env=environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout, done.stderr
    return done.returncode, msgspec.json.decode(done.stdout, type=RunRecord)


def run_prefect() -> RunRecord:
    """The toy's record under Prefect, in this process."""
    with pytest.raises(KeyUnusable):
        toy("main", tables=["users"])
    return closed()


def comparable(record: RunRecord) -> dict[str, object]:
    """The record without what differs from run to run: ids, clock, and the runner's own name."""
    values = asdict(record)
    for name in ("id", "name", "begin", "end", "seconds", "runner"):
        values.pop(name)
    for step in values["steps"]:
        step.pop("begin_seconds")
        step.pop("end_seconds")
    for artifact in values["artifacts"]:
        artifact["text"] = artifact["text"].replace(record.runner, "RUNNER")
    return values


class Relay:
    """A way to the server that can be closed and opened again at the same port."""

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._ends: list[socket.socket] = []
        self.port = 0

    def open(self) -> None:
        """Accept connections and pass their bytes on."""
        self._listener = socket.create_server(("127.0.0.1", self.port), reuse_port=True)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        """Refuse new connections and cut the open ones."""
        for end in (self._listener, *self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._ends.clear()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self._server)
                self._ends += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


def test_the_two_runners_leave_the_same_record() -> None:
    """Steps, attempts, outcomes, errors, artifacts and parameters are equal; only ids and times differ."""
    assert RUNNER == "prefect"

    code, plain = run_plain()
    prefect = run_prefect()

    assert comparable(plain) == comparable(prefect)
    assert [(step.name, step.attempt, str(step.outcome)) for step in plain.steps] == [
        ("flaky", 1, "failed"),
        ("flaky", 2, "failed"),
        ("flaky", 3, "completed"),
        ("count", 1, "completed"),
        ("slow", 1, "failed"),
        ("permanent", 1, "failed"),
    ]
    assert (plain.runner, prefect.runner) == ("plain", "prefect")
    assert (code, plain.error_type) == (KeyUnusable.exit_code, "KeyUnusable")


def test_prefect_shows_what_the_record_says(client: SyncPrefectClient) -> None:
    """Same id and name, the tables and texts, and the progress at its end."""
    record = run_prefect()

    run = client.read_flow_run(record.id)  # type: ignore[arg-type]
    found = client.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id])))
    shown = {artifact.key: artifact.data for artifact in found if artifact.key}
    assert (run.name, run.state_name) == (record.name, "Failed")
    assert record.name.startswith("toy-main-")
    assert set(shown) == {"who", "phases", "progress-copy"}
    assert msgspec.json.decode(str(shown["phases"])) == list(record.artifacts[1].rows)
    assert shown["progress-copy"] == 100
    assert record.undelivered == ()


def test_our_log_lines_reach_prefect_with_passwords_masked(client: SyncPrefectClient) -> None:
    """INFO of `dr` is in the run's log, tied to its task."""
    run_id = run_prefect().id
    until = time.monotonic() + 30
    lines: list[str] = []
    while not any("counted 1" in line for line in lines) and time.monotonic() < until:
        time.sleep(0.2)  # Prefect sends log lines in batches, from a thread of its own
        logs = client.read_logs(log_filter=LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run_id])))  # type: ignore[list-item]
        lines = [log.message for log in logs]

    assert "counted 1 at postgresql://app:********@db/main" in lines
    assert not [line for line in lines if "hunter2" in line]


def test_a_line_outside_of_any_run_troubles_nobody() -> None:
    """Pump threads log beside the run; Prefect is not asked to show such a line, and does not complain of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        logging.getLogger("dr.pipeline").info("moved")


def test_an_interruption_is_recorded_under_prefect_too() -> None:
    """Ctrl-C passes through Prefect's engine, is tried once, and the record says interrupted."""
    with pytest.raises(KeyboardInterrupt):
        stopped()

    assert [(step.name, step.attempt, str(step.outcome)) for step in closed().steps] == [
        ("interrupted", 1, "interrupted")
    ]
    assert closed().outcome == "interrupted"


def test_wrong_parameters_are_refused_before_anything_runs() -> None:
    """Prefect checks the types that the flow declares, though our decorator stands between."""
    before = last_record()

    with pytest.raises(ParameterTypeError, match="'dump' or 'base'"):
        toy(system="main", kind="image")  # type: ignore[arg-type]

    assert last_record() is before


def test_a_flow_can_be_deployed_by_its_module_path() -> None:
    """What the worker imports is the flow's module, and the form knows its parameters."""
    assert isinstance(toy, Flow)

    deployment = toy.to_deployment("toy", entrypoint_type=EntrypointType.MODULE_PATH)

    assert deployment.entrypoint == "tests.prefect.toy_flow.toy"  # type: ignore[union-attr]
    properties = deployment._parameter_openapi_schema.properties  # type: ignore[union-attr]
    assert properties["kind"]["enum"] == ["dump", "base"]
    assert set(properties) == {"system", "kind", "tables", "label"}


def test_what_prefect_could_not_be_told_is_in_the_record_and_fails_nothing() -> None:
    """The server goes away in the midst: the run goes on at once, and its record holds the tables and the reason."""
    server = urlsplit(PREFECT_API_URL.value() or "")
    relay = Relay(("127.0.0.1", int(server.port or 0)))

    @flow(name="toy-alone")
    def alone() -> float:
        relay.close()
        begin = time.monotonic()
        publish_table("phases", [{"phase": "restore"}], "Phases.")
        publish_table("tables", [{"table": "users"}], "Tables.")
        took = time.monotonic() - begin
        relay.open()
        return took

    relay.open()
    with speaking_to(f"http://127.0.0.1:{relay.port}/api"):
        took = alone()
    relay.close()

    record = closed()
    assert took < 10
    assert record.outcome == "completed"
    assert [artifact.rows for artifact in record.artifacts] == [({"phase": "restore"},), ({"table": "users"},)]
    assert all(artifact.undelivered for artifact in record.artifacts)
    assert [reason.split(":")[0] for reason in record.undelivered] == ["artifact phases", "artifact tables"]
