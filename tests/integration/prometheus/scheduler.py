"""A real Prefect server that knows the deployments of a system, and a real worker that comes late."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from tests.integration.prometheus.observatory import until
from tests.prefect.server_fixture import RealServer, real_server, real_worker

POOL = "dr"
NEVER_NOW = "0 0 1 1 *"
"""Active, and due once a year: no run but ours is made while this is played."""
BUSY = httpx.codes.SERVICE_UNAVAILABLE
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


class Scheduler:
    """The server with one deployment for each procedure, named and scheduled as ``dr deploy`` does it.

    ``dr deploy`` itself is held against a real server in tests/prefect and tests/integration/alerts.
    """

    def __init__(self, server: RealServer, system: str) -> None:
        self.server, self._system = server, system
        self._http = httpx.Client(base_url=server.api, trust_env=False, timeout=60, follow_redirects=True)
        self._deployments: dict[str, str] = {}

    def close(self) -> None:
        self._http.close()

    def register(self, procedures: Iterable[str]) -> None:
        """Every one of them, with an active schedule."""
        self._ask("POST", "work_pools/", {"name": POOL, "type": "process"})
        for name in procedures:
            module = name.replace("-", "_")
            made = {
                "name": self._system,
                "flow_id": self._ask("POST", "flows/", {"name": name})["id"],
                "entrypoint": f"flows.{module}.{module}",
                "work_pool_name": POOL,
                "parameters": {"system": self._system},
                "schedules": [{"schedule": {"cron": NEVER_NOW, "timezone": "UTC"}, "active": True}],
            }
            self._deployments[name] = self._ask("POST", "deployments/", made)["id"]

    def pause(self, procedure: str, *, paused: bool = True) -> None:
        """As somebody does it in the UI."""
        self._ask("PATCH", f"deployments/{self._deployments[procedure]}", {"paused": paused})

    def late_run(self, procedure: str) -> str:
        """A run that should have begun twenty minutes ago, had there been a worker; its id."""
        due = (datetime.now(UTC) - timedelta(minutes=20)).isoformat()
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": due}}
        return self._ask("POST", f"deployments/{self._deployments[procedure]}/create_flow_run", {"state": state})["id"]

    @contextmanager
    def worked_on(self, directory: Path, run: str, environment: Mapping[str, str]) -> Iterator[None]:
        """With a worker, which has taken and ended the run when this is left."""
        with real_worker(self.server, directory, environment):
            yield
            until(lambda: self._ask("GET", f"flow_runs/{run}")["state_type"] in ENDED, "the worker ends the run", 240)

    def hang(self, *, hung: bool = True) -> None:
        """The server takes connections and answers none, or goes on."""
        for pid in self.server.processes():
            os.kill(pid, signal.SIGSTOP if hung else signal.SIGCONT)

    def _ask(self, method: str, path: str, wanted: Mapping[str, object] | None = None) -> dict[str, str]:
        # On a busy host its SQLite is locked now and then: nothing was done, and it says to ask again.
        answer = until(
            lambda: (said := self._http.request(method, path, json=wanted)).status_code != BUSY and said,
            f"Prefect takes {method} {path}",
        )
        assert isinstance(answer, httpx.Response)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        return dict(answer.json()) if answer.content else {}


@contextmanager
def beginning(directory: Path, system: str) -> Iterator[Callable[[], Scheduler]]:
    """It begins beside everything else; call what this gives to have it. Nothing is registered yet."""
    with ThreadPoolExecutor(1, thread_name_prefix="scheduler") as beside, ExitStack() as stack:
        # All in one thread that lives until the end: the server dies with the thread that has begun it.
        own = ExitStack()
        stack.callback(lambda: beside.submit(own.close).result())
        begun = beside.submit(own.enter_context, _scheduler(directory, system))
        yield begun.result


@contextmanager
def _scheduler(directory: Path, system: str) -> Iterator[Scheduler]:
    directory.mkdir()
    with real_server(directory) as server:
        made = Scheduler(server, system)
        try:
            yield made
        finally:
            made.close()
            made.hang(hung=False)
