"""What is recovered must be what its service runs, and what was stopped in vain is started again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dr.configuration.model import EncryptionSettings, PostgresSettings, System
from dr.configuration.procedures import ProcedureSettings
from dr.configuration.procedures.recovery import RecoverySettings
from dr.configuration.procedures.services import ServiceSettings
from dr.demo.configuration_file import environment_for, write_configuration
from dr.errors import ConfigurationError, RecoveryFailed, TargetRefused
from dr.evidence.journal import read_journal
from dr.operations.database.plan_in_place import require_its_service
from dr.operations.database.serve import is_served, start_database
from dr.services.protocol import State
from dr.services.registry import service
from tests.integration.conftest import ROOT, TestServer

SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")


@pytest.fixture
def system(server: TestServer, tmp_path: Path) -> Iterator[System]:
    """PostgreSQL answers; its data directory is said to be another one. Both services are real and do nothing."""
    made = System(
        "shop",
        PostgresSettings(server.server.url_for("postgres")),
        (),
        EncryptionSettings(recipients=("A" * 40,)),
        state_directory=tmp_path / "state",
        procedures=ProcedureSettings(
            recovery=RecoverySettings(data_directory=tmp_path / "data", database_service="database"),
            services=(
                ServiceSettings("database", driver="process", command=SLEEP),
                ServiceSettings("web", driver="process", command=SLEEP),
            ),
        ),
    )
    (tmp_path / "data").mkdir()
    yield made
    for name in ("database", "web"):
        service(made, name).stop(30)


def test_who_answers_from_another_directory_is_not_what_was_recovered(
    system: System, server: TestServer, tmp_path: Path
) -> None:
    """Started, answering, and the right cluster: but not out of what was put there."""
    with pytest.raises(RecoveryFailed, match="not in service"):
        start_database(system, "", 30)

    recovery = replace(system.procedures.recovery, data_directory=server.server.data_directory)
    right = replace(system, procedures=replace(system.procedures, recovery=recovery))
    assert start_database(right, "", 30).state is State.RUNNING


def test_a_service_that_runs_elsewhere_is_refused_before_anything_is_stopped(system: System, tmp_path: Path) -> None:
    """An old copy of the data directory, say."""
    item = service(system, "database")
    data = tmp_path / "data"
    require_its_service(system, data, item)
    item.start(30)

    with pytest.raises(ConfigurationError, match="no server runs in"):
        require_its_service(system, data, item)

    (data / "postmaster.pid").write_text(f"{os.getpid()}\n")
    require_its_service(system, data, item)


def test_the_number_of_a_process_in_a_container_is_none_of_this_host(system: System, tmp_path: Path) -> None:
    """Its file is believed while it is there; on the host itself one that a dead server has left is not."""
    data = tmp_path / "data"
    (data / "postmaster.pid").write_text("999999999\n")
    services = (ServiceSettings("contained", driver="compose"), *system.procedures.services)
    system = replace(system, procedures=replace(system.procedures, services=services))

    assert is_served(system, "contained", data)
    assert not is_served(system, "database", data)
    (data / "postmaster.pid").unlink()
    assert not is_served(system, "contained", data)


def test_where_only_indexes_are_damaged_the_application_is_started_again(system: System, tmp_path: Path) -> None:
    """Refused means that all is as it was; and nobody goes on with it."""
    (tmp_path / "private").mkdir(mode=0o700)
    configured = environment_for(write_configuration(tmp_path / "private", system), system)
    service(system, "web").start(30)

    ended = subprocess.run(
        (sys.executable, "-m", "tests.integration.database_playbook.only_indexes", str(tmp_path / "journals")),
        cwd=ROOT,
        env={**os.environ, **configured, "DR_RUNNER": "plain"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert ended.returncode == TargetRefused.exit_code, ended.stderr
    assert "only indexes are damaged" in ended.stdout
    (journal,) = (tmp_path / "journals").glob("recover-db-in-place_*")
    events = read_journal(journal)
    assert ("end", "stop the application") in [(event.what, event.step) for event in events]
    assert events[-1].what == "close"
    assert service(system, "web").status(10).state is State.RUNNING
