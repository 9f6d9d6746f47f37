"""`make up` and `make down`: everything runs, survives what happens to it, and leaves nothing behind."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.demo_ready import read_ready
from deployments.local_parts import MARK
from deployments.local_place import Place
from deployments.processes import carrying, process, wait_until_gone
from deployments.schedules import PROCEDURES
from dr.policy.objectives import Scenario
from dr.services.process.files import Process as SupervisedProcess
from dr.services.process.files import read_told
from tests.prefect.server_fixture import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]
PRODUCTION = "postgresql://production.invalid/real"


class Local:
    """The commands, as a newcomer types them whose shell holds the address of a production database."""

    def __init__(self, directory: Path) -> None:
        self.place = Place(directory)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])

    def run(self, command: str) -> tuple[int, str]:
        """Its exit code and everything that it said."""
        told = subprocess.run(
            (
                sys.executable,
                *("-m", "deployments.local", command),
                *("--directory", str(self.place.directory), "--scale", "0.02", "--port", str(self.port)),
            ),
            env={**os.environ, "PYTHONPATH": str(ROOT), "DATABASE_URL": PRODUCTION, "PREFECT_API_URL": PRODUCTION},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=2000,
        )
        return told.returncode, told.stdout

    def kill(self, part: str) -> None:
        """As the kernel would for want of memory."""
        (running,) = [one.running() for one in self.place.parts if one.name == part]
        assert running is not None
        os.kill(running.pid, signal.SIGKILL)

    def dr(self, *words: str) -> tuple[int, str]:
        """``dr`` on a terminal that knows the printed configuration alone; its exit code and what it said."""
        told = subprocess.run(
            (sys.executable, "-m", "dr.cli", *words),
            env={**os.environ, "PYTHONPATH": str(ROOT), "DR_CONFIG": str(self.place.demo_directory / "dr.toml")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=280,
        )
        return told.returncode, told.stdout

    def services(self) -> list[SupervisedProcess]:
        """The supervisors of the demo's services that are alive, and what they supervise."""
        told = [read_told(file.parent) for file in self.place.demo_directory.glob("state/services/*/*/status.json")]
        found = [one for item in told if item is not None for one in (item.supervisor, item.child) if one is not None]
        return [one for one in found if one.alive]

    def left(self) -> list[int]:
        """Processes of this install."""
        return [one.pid for one in carrying(MARK, self.place.mark) if one.alive]


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """An install in a directory of its own, begun once for all tests here."""
    made = Local(tmp_path_factory.mktemp("clone") / ".local")
    code, said = made.run("up")
    try:
        assert code == 0, said
        yield made
    finally:
        made.run("down")


def test_a_second_up_says_that_it_is_up(local: Local) -> None:
    """Nothing is begun twice; where to look and how to stop is said again."""
    before = local.left()

    code, said = local.run("up")

    assert (code, said.splitlines()[0]) == (0, "It is up already.")
    assert f"http://127.0.0.1:{local.port}" in said
    assert "make down" in said
    assert local.left() == before
    assert local.run("status")[0] == 0


def test_everything_is_registered(local: Local) -> None:
    """The forms are there, the schedule has a run to come, and the Blocks hold no password."""
    url_file = local.place.demo_directory / "secrets" / "database_url"
    password = url_file.read_text(encoding="utf-8").partition("://")[2].partition("@")[0].partition(":")[2]

    with (
        temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{local.port}/api"}),
        get_client(sync_client=True) as client,
    ):
        names = sorted(f"{one.name}" for one in client.read_deployments())
        runs = [run for run in client.read_flow_runs() if run.state_name == "Scheduled"]
        documents = client.request("POST", "/block_documents/filter", json={"include_secrets": True}).text

    assert names == ["demo"] * len(PROCEDURES)
    assert runs
    assert len(password) > 16
    assert password not in documents


def test_the_pages_ask_the_server_that_they_came_from(local: Local) -> None:
    """Also where the usual port was taken: otherwise the browser shows nothing but that it cannot connect."""
    told = json.loads(_fetched(local.port, "/ui-settings")[1])

    assert told["api_url"] == f"http://127.0.0.1:{local.port}/api"


def test_secrets_are_their_owners_alone(local: Local) -> None:
    """The directory lets nobody else in, and the files in it that hold secrets neither."""
    secret_files = list((local.place.demo_directory / "secrets").iterdir())

    assert stat.S_IMODE(local.place.directory.stat().st_mode) == 0o700
    assert secret_files
    assert {stat.S_IMODE(file.stat().st_mode) for file in secret_files} == {0o600}


def test_a_real_system_in_the_shells_environment_stays_out(local: Local) -> None:
    """No process of the install knows the production's address."""
    environments = [(Path("/proc") / str(pid) / "environ").read_bytes() for pid in local.left()]

    assert environments
    assert not [one for one in environments if b"production.invalid" in one]


def test_a_killed_worker_is_begun_again_and_the_rest_is_left_alone(local: Local) -> None:
    """Only what is missing is begun."""
    demo, server = local.place.demo.running(), local.place.server.running()
    local.kill("worker")
    assert local.run("status")[0] == 1

    code, said = local.run("up")

    assert (code, "worker: beginning" in said, "demo system: building" in said) == (0, True, False)
    assert (local.place.demo.running(), local.place.server.running()) == (demo, server)
    assert local.run("status")[0] == 0


def test_a_killed_server_comes_back_with_its_history(local: Local) -> None:
    """At the same port, with a worker that speaks to the new one."""
    worker = local.place.worker.running()
    local.kill("server")

    code, said = local.run("up")

    assert code == 0, said
    assert f"beginning on port {local.port}" in said
    assert "created" not in said
    assert local.place.worker.running() not in (None, worker)


def _fetched(port: int, path: str, body: str | None = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET" if body is None else "POST", path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_every_disaster_of_the_guide_may_be_made_on_the_demo(local: Local) -> None:
    """It says of itself that it is a test system, and each disaster has something to break and a way back."""
    told = {one: local.dr("simulate-disaster", "--scenario", one, "--dry-run") for one in Scenario}

    assert {code for code, _ in told.values()} == {0}, told
    assert all("recover     dr " in said and "undo        dr " in said for _, said in told.values())
    assert "standby" in told[Scenario.FULL_SYSTEM_FAILURE][1]
    assert "standby" not in told[Scenario.DATA_CENTER_OUTAGE][1]


def test_a_newcomer_breaks_the_shop_and_recovers_it(local: Local) -> None:
    """On a terminal with nothing but the configuration that is printed; the customer's address answers again."""
    broken = local.dr("simulate-disaster", "--scenario", "application-failure", "--confirm", "demo")
    seen = local.dr("assess", "--seconds", "60")

    recovered = local.dr("recover-app", "--confirm", "demo")

    assert broken[0] == recovered[0] == 0, (broken, recovered)
    assert "Application: NOT RUNNING" in seen[1]
    assert "dr recover-app" in seen[1]
    ready = read_ready(local.place.ready_file)
    assert ready is not None
    assert _fetched(ready.shop_port, "/api/health")[0] == 200


def test_alerts_arrive_on_a_page(local: Local) -> None:
    """What is posted to the demo's webhook is shown, and nothing in it becomes part of the page itself."""
    ready = read_ready(local.place.ready_file)
    assert ready is not None
    port = urlsplit(ready.alerts).port or 0
    taken = _fetched(port, "/", json.dumps({"text": "backup-overdue <b>now</b>"}))
    page = _fetched(port, "/")[1]

    assert taken[0] == 200
    assert "backup-overdue &lt;b&gt;now&lt;/b&gt;" in page
    assert "backup-overdue" in (local.place.demo_directory / "alerts.log").read_text()


def test_a_demo_that_died_is_built_anew_and_what_it_had_started_is_gone(local: Local) -> None:
    """Its services outlive it; they are ended before others take their place, and the Blocks describe those."""
    demo, before = local.place.demo.running(), local.services()
    assert demo is not None
    local.kill("demo")
    assert wait_until_gone([demo], seconds=60)
    assert all(one.alive for one in before)

    code, said = local.run("up")

    assert (code, "demo system: building" in said, "worker: beginning" in said) == (0, True, False), said
    assert "block protected-system/demo: updated" in said
    assert before
    assert not any(one.alive for one in before)


def test_down_ends_what_is_left_and_nothing_else(local: Local) -> None:
    """The demo killed, a pid file pointing at this very test: ours is gone, the test lives, no litter.

    Also a service that somebody has begun again from a terminal, which carries no mark of ours.
    """
    temporary = local.place.temporary
    services = local.services()
    local.kill("demo")
    ours = process(os.getpid())
    worker_file = local.place.directory / "run" / "worker.json"
    known = json.loads(worker_file.read_text(encoding="utf-8"))
    worker_file.write_text(json.dumps({"pid": ours.pid, "begun": known["begun"]}), encoding="utf-8")

    code, said = local.run("down")

    assert code == 0, said
    assert "left behind: " in said  # the worker, whose pid file was wrong, by its mark
    assert ours.alive
    assert local.left() == []
    assert len(services) >= 3
    assert not any(one.alive for one in services)
    assert not temporary.exists()
    assert local.run("down")[1].startswith("Nothing was running.")
