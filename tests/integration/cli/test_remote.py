"""``--remote``: a real Prefect server and worker do the work, and the exit code here is that of the run there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from dr.cli.runners import server_answers
from tests.integration.cli.command import Dr, wait_until
from tests.integration.conftest import TestServer, free_port, made_database, operator_environment
from tests.prefect_template import furnish, keep

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
SYSTEM = "shop"


@contextmanager
def service(argv: Sequence[str], environment: dict[str, str], directory: Path) -> Iterator[None]:
    """A process in a session of its own; its whole group is ended with it."""
    with (directory / "service.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", *argv],
            env=environment,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def deployed(server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dr]:
    """A system that ``dr deploy`` has registered with a server of its own, and a worker that takes its runs."""
    directory = tmp_path_factory.mktemp("remote")
    home = directory / "prefect"
    home.mkdir()
    furnish(home)
    address = f"http://127.0.0.1:{free_port()}/api"
    with made_database(server) as database:
        environment = operator_environment(server, database, directory) | {
            "DR_SYSTEM": SYSTEM,
            "PREFECT_HOME": str(home),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "DO_NOT_TRACK": "1",
        }
        serve = ("server", "start", "--host", "127.0.0.1", "--port", address.split(":")[2].removesuffix("/api"))
        with service(serve, environment, directory):
            wait_until(lambda: server_answers(address), "the Prefect server answers", seconds=300)
            keep(home)
            environment["PREFECT_API_URL"] = address
            dr = Dr(environment, directory)
            done = dr("deploy", "--json")
            assert done.code == 0, done.err
            assert "daily-backup/shop" in {row["name"] for row in done.document["deployed"]}
            with service(("worker", "start", "--pool", "dr"), environment, directory):
                yield dr


def test_a_backup_and_a_recovery_are_made_on_the_worker(deployed: Dr) -> None:
    """Submitted, waited for, told as it goes; the answer is what the run published."""
    made = deployed("backup", "--remote", "--kind", "base", "--json")
    recovered = deployed("recover-db", "--remote", "--yes", "--to", str(deployed.directory / "copy"), "--json")

    assert (made.code, recovered.code) == (0, 0), made.err + recovered.err
    assert made.document["runner"] == "remote"
    assert [row["kind"] for row in made.document["backups"]] == ["base"]
    assert "Running" in made.err
    assert "Completed" in made.err
    assert (deployed.directory / "copy" / "PG_VERSION").exists()
    assert {row["check"] for row in recovered.document["recovery-checks"]} >= {"identity", "tables"}


def test_the_worker_s_error_is_this_command_s_error(deployed: Dr) -> None:
    """Type, message, hint and exit code, as if it had been run here."""
    label = "base_20200101_000000_full"
    refused = deployed("recover-db", label, "--remote", "--yes", "--to", "elsewhere", "--json")

    error = refused.document["error"]
    assert (refused.code, error["type"], error["exit_code"]) == (10, "BackupNotFound", 10), refused.err
    assert label in error["message"]
    assert "dr list" in error["hint"]


def test_a_system_that_is_not_deployed_is_told(deployed: Dr) -> None:
    """With the command that would deploy it."""
    refused = deployed("backup", "--remote", "--system", "other", "--json")

    assert (refused.code, refused.document["error"]["type"]) == (3, "ConfigurationError")
    assert "dr deploy" in refused.document["error"]["hint"]


def test_a_configured_server_that_answers_runs_it_here_with_its_record(deployed: Dr) -> None:
    """Without --remote the flow runs in this process, by Prefect's runner; the answer stays one document."""
    made = deployed("backup", "--kind", "dump", "--json")

    assert made.code == 0, made.err
    assert made.document["runner"] == "prefect"
    assert [row["kind"] for row in made.document["backups"]] == ["dump"]
