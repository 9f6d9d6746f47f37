"""`make up` and `make down`: everything runs, survives what happens to it, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.local_parts import MARK
from deployments.local_place import Place
from deployments.processes import carrying, children_of, process, wait_until_gone
from deployments.schedules import PROCEDURES
from tests.prefect.server_fixture import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
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
            timeout=300,
        )
        return told.returncode, told.stdout

    def kill(self, part: str) -> None:
        """As the kernel would for want of memory."""
        (running,) = [one.running() for one in self.place.parts if one.name == part]
        assert running is not None
        os.kill(running.pid, signal.SIGKILL)

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


def test_a_demo_whose_database_died_ends_and_is_built_anew(local: Local) -> None:
    """It does not look alive without one, and the Blocks then describe the new one."""
    demo = local.place.demo.running()
    assert demo is not None
    commands = {child: (Path("/proc") / str(child.pid) / "comm").read_text() for child in children_of(demo.pid)}
    (server,) = [child for child, command in commands.items() if command == "postgres\n"]
    server.send(signal.SIGKILL)
    assert wait_until_gone([demo], seconds=60)

    code, said = local.run("up")

    assert (code, "demo system: building" in said, "worker: beginning" in said) == (0, True, False), said
    assert "block protected-system/demo: updated" in said


def test_down_ends_what_is_left_and_nothing_else(local: Local) -> None:
    """The demo killed, a pid file pointing at this very test: ours is gone, the test lives, no litter."""
    temporary = local.place.temporary
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
    assert not temporary.exists()
    assert local.run("down")[1].startswith("Nothing was running.")
