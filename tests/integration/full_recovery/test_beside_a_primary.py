"""The last looks before what was recovered serves and is led to, and how an exercise is kept in: with real servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dr.configuration.model import System
from dr.configuration.procedures.recovery import RecoverySettings
from dr.demo.configuration_file import environment_for, write_configuration
from dr.errors import IdentityMismatch, NotFenced, SourceError, TargetRefused
from dr.operations.check_source import check_source
from dr.operations.full_recovery.elsewhere import see_elsewhere
from dr.operations.full_recovery.exercise import keep_in, require_kept_in
from dr.operations.keep_canary import Canary
from dr.operations.point.mark import mark_position
from dr.operations.region.only_primary import warn_beside_primary
from dr.postgres.archiving import switch_wal
from dr.postgres.connection import connected, replication_connection
from dr.postgres.standby import promote, server_role
from dr.secret import Secret
from dr.services.protocol import State
from dr.services.registry import service
from tests.integration.region.pair import PRIMARY, STANDBY, Pair, pair

pytestmark = [pytest.mark.slow, pytest.mark.incident("I4")]

ROOT = Path(__file__).resolve().parents[3]
SWITCHING = """
from dr.errors import DrError
from dr.policy.full_plan import FullPlan
from dr.policy.objectives import Scenario
from tasks.course import course
from tasks.full_recovery_course import Recovery
from tasks.incident import incident
from tasks.runner import flow
from tasks.systems import load_system

@flow(name="switching")
def switching(system):
    settings = load_system(system, require_postgres=False)
    plan = FullPlan(settings.name, "", None, "", None, (), ())
    with incident(system, Scenario.FULL_SYSTEM_FAILURE, "a test") as told, course(settings, "toy", {}) as steps:
        recovery = Recovery(system, settings, plan, steps, told)
        try:
            recovery.switch_traffic(anyway=True)
        except DrError as error:
            print(type(error).__name__, error.detail)
        print([event.step for event in steps.journal.events if event.what == "begin"])

switching("")
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The server that was recovered here, and the other region's, which follows at first."""
    with pair(tmp_path_factory.mktemp("beside") / "here") as made:
        yield made


def here(made: Pair, name: str = PRIMARY) -> System:
    """The system of whose full recovery that server's directory is the result."""
    system = made.system
    recovery = RecoverySettings(data_directory=made.directory / name, database_service=name)
    return replace(system, procedures=replace(system.procedures, recovery=recovery))


def ran(system: System, home: Path, *words: str) -> str:
    """What Python says, told to do that with this configuration."""
    home.mkdir()
    environment = environment_for(write_configuration(home, system), system)
    ended = subprocess.run(
        (sys.executable, *words),
        cwd=ROOT,
        env={**environment, "PATH": os.environ["PATH"], "HOME": str(home), "DR_RUNNER": "plain"},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def stored(made: Pair) -> set[Path]:
    """Everything in the store."""
    return {path for path in (made.directory / "store").rglob("*") if path.is_file()}


def switching(system: System, home: Path) -> str:
    """What a process says that leads people to what was recovered."""
    return ran(system, home, "-c", SWITCHING)


def test_whoever_recovers_beside_is_told_of_who_is_in_charge(both: Pair, tmp_path: Path) -> None:
    """By the plan and by the report, with exit code 0: a copy may be looked at, and must not be put into service."""
    mine = here(both)
    target = both.directory / "copy"
    ran(mine, tmp_path / "backup", "-m", "dr.cli", "backup", "--kind", "base")
    words = ("-m", "dr.cli", "recover-db", "--to", str(target), "--yes", "--json")
    planned = json.loads(ran(mine, tmp_path / "plan", *words, "--dry-run"))["plan"]
    answer = json.loads(ran(mine, tmp_path / "do", *words))

    for lines in (planned["warnings"], answer["notes"]):
        (told,) = [line for line in lines if "must not be put into service beside it" in line]
        assert both.first.name in told


def test_an_exercise_is_kept_in_by_what_its_server_says(both: Pair, tmp_path: Path) -> None:
    """Its own configuration archives, and nothing arrives; nobody may copy it, back it up, or beat in it."""
    mine, place, before = here(both), both.directory / PRIMARY, stored(both)
    archive = both.directory / "archive"
    archive.mkdir(mode=0o777)
    archive.chmod(0o777)
    with (place / "postgresql.conf").open("a", encoding="utf-8") as stream:
        stream.write(f"archive_mode = on\narchive_command = 'cp %p {archive}/%f'\n")
    server = service(mine, PRIMARY)
    server.stop(30)
    keep_in(mine, "full-recovery-exercise_1")
    keep_in(mine, "full-recovery-exercise_1")
    server.start(30)
    both.wait(lambda: server_role(both.first.url))
    found = require_kept_in(mine, "full-recovery-exercise_1")
    both.write(both.first.url)
    switch_wal(both.first.url)
    with connected(both.first.url) as connection:
        connection.execute("CHECKPOINT")

    assert "archive_mode = off" in found.settings
    assert list(archive.iterdir()) == []
    with pytest.raises(SourceError, match="max_wal_senders"):
        replication_connection(both.first.url)
    for refused in (
        lambda: check_source(mine, cloud=True),
        lambda: mark_position(mine),
        lambda: Canary(mine, interval_seconds=1, keep_days=1, tell=print).beat_once(),
    ):
        with pytest.raises(IdentityMismatch, match="exercise"):
            refused()
    assert stored(both) == before


def test_an_exercise_whose_service_insists_is_stopped(both: Pair) -> None:
    """Options on the command line win over every file: that is seen, and nothing of it goes on running."""
    mine = here(both)
    (found,) = (item for item in mine.procedures.services if item.name == PRIMARY)
    insisting = replace(found, command=(*found.command, "-c", "archive_mode=on"))
    others = tuple(item for item in mine.procedures.services if item.name != PRIMARY)
    mine = replace(mine, procedures=replace(mine.procedures, services=(insisting, *others)))
    server = service(mine, PRIMARY)
    server.stop(30)
    keep_in(mine, "full-recovery-exercise_2")
    server.start(30)
    both.wait(lambda: server_role(both.first.url))

    with pytest.raises(TargetRefused, match="not kept in") as caught:
        require_kept_in(mine, "full-recovery-exercise_2")
    assert "archive_mode is 'on'" in caught.value.detail
    assert server.status(5).state is State.STOPPED


def test_who_takes_writes_elsewhere_is_seen_at_the_last_moment(both: Pair, tmp_path: Path) -> None:
    """As long as it follows, people are led here; when it was promoted they are not, and it is said why."""
    mine = here(both)
    following = see_elsewhere(mine, exercise=False)
    led = switching(mine, tmp_path / "before")
    promote(both.second.url, 60)
    refused = switching(mine, tmp_path / "after")

    assert following == ()
    assert "'plan traffic'" in led
    assert refused.startswith("NotFenced"), refused
    assert "nobody is led to it" in refused
    assert "'plan traffic'" not in refused
    with pytest.raises(NotFenced) as caught:
        see_elsewhere(mine, exercise=False)
    assert both.second.name in caught.value.message
    assert "--exercise" in caught.value.hint
    assert [both.second.name in line for line in see_elsewhere(mine, exercise=True)] == [True]
    assert see_elsewhere(here(both, STANDBY), exercise=False) == ()


def test_a_copy_beside_is_told_of_who_is_in_charge(both: Pair, tmp_path: Path) -> None:
    """And of a server that cannot be asked; nothing is refused, for nothing goes into service."""
    cut = both.with_region(primary_url=Secret("host=192.0.2.1 user=postgres connect_timeout=1"))
    told = warn_beside_primary(cut, tmp_path)

    assert len(told) == 2
    assert "must not be put into service beside it" in told[0]
    assert "192.0.2.1" in told[1]
    assert warn_beside_primary(both.with_region(standby_url=None), tmp_path) == ()
