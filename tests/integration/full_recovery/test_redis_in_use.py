"""A Redis that was put back in part is only emptied for another attempt while nobody has worked with it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from dr.catalog.labels import Kind
from dr.configuration.model import PostgresSettings, System
from dr.demo.configuration_file import environment_for, write_configuration
from dr.operations.full_recovery.parts import RestoredPart
from dr.secret import Secret
from tests.integration.components.redis_server import RedisServer, fill, redis_server
from tests.integration.components.shelf import Shelf

ROOT = Path(__file__).resolve().parents[3]

RUN = """
import sys
from datetime import UTC, datetime

import msgspec

from dr.catalog.labels import Kind
from dr.operations.full_recovery.parts import RestoredPart
from dr.policy.full_plan import FullPlan, PlannedPart, Then
from dr.policy.objectives import Scenario
from tasks.course import course
from tasks.full_recovery_course import APPLICATION, Recovery
from tasks.incident import IncidentRecord, incident
from tasks.runner import flow
from tasks.systems import load_system

restored = msgspec.json.decode(sys.argv[1], type=RestoredPart)
part = PlannedPart("redis", "Redis", Kind.REDIS, restored.label, datetime.now(UTC), (), 0, Then.PUT_BACK, "", None)

@flow(name="redis-in-use")
def redis_in_use(system):
    settings = load_system(system, require_postgres=False)
    plan = FullPlan(settings.name, "", None, "", None, (part,), ())
    with incident(system, Scenario.FULL_SYSTEM_FAILURE, "a test") as told, course(settings, "toy", {}) as steps:
        steps.journal.do("see that Redis is empty", lambda: 0, int)
        steps.journal.begin("put Redis back")  # and was cut off
        if sys.argv[2] == "served":
            steps.journal.do(APPLICATION, lambda: None, type(None))
        recovery = Recovery(system, settings, plan, steps, told)
        recovery._parts["redis"] = restored
        recovery.start_data()
        print(*(error.message for error in recovery._failed.values()))

redis_in_use("")
"""


@pytest.fixture
def target(tmp_path: Path) -> Iterator[RedisServer]:
    """The new host's."""
    with redis_server(tmp_path / "target") as running:
        yield running


@pytest.fixture
def product(shelf: Shelf, tmp_path: Path, target: RedisServer) -> tuple[System, RestoredPart]:
    """As it is on the new host, and its restored Redis, of which a key is there already."""
    with redis_server(tmp_path / "redis") as server:
        fill(server)
        backed_up = shelf.with_components(redis=server.settings())
        label = backed_up.back_up(Kind.REDIS).label
        name = next(iter(server.client().scan_iter("*", _type="STRING")))
    found = backed_up.restore(Kind.REDIS)
    restored = RestoredPart("redis", Kind.REDIS, str(label), found.directory, found.store, 16, 1, ())
    target.client().set(name, "of today")
    system = shelf.with_components(redis=target.settings()).system
    silent = PostgresSettings(Secret("postgresql://nobody@127.0.0.1:1/shop"))
    return replace(system, postgres=silent, state_directory=tmp_path / "host"), restored


def go_on(product: tuple[System, RestoredPart], tmp_path: Path, served: str) -> str:
    """What the second run says of Redis."""
    system, restored = product
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    configured = environment_for(write_configuration(private, system), system)
    ended = subprocess.run(
        (sys.executable, "-c", RUN, msgspec.json.encode(restored).decode(), served),
        cwd=ROOT,
        env={**os.environ, **configured, "DR_RUNNER": "plain"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_what_the_application_has_written_since_is_not_taken_out(
    product: tuple[System, RestoredPart], tmp_path: Path, target: RedisServer
) -> None:
    """It was started with what there was: what it holds now is the product's, also under a name of the backup."""
    said = go_on(product, tmp_path, "served")

    assert "is not empty" in said
    assert [target.client().get(key) for key in target.client().scan_iter()] == [b"of today"]


def test_what_nobody_has_worked_with_is_put_back_anew(
    product: tuple[System, RestoredPart], tmp_path: Path, target: RedisServer
) -> None:
    """The half that is there is ours."""
    said = go_on(product, tmp_path, "not served")

    assert said.strip() == ""
    assert sum(target.client(database).dbsize() for database in (0, 3)) == 16
    assert b"of today" not in [target.client().get(key) for key in target.client().scan_iter("*", _type="STRING")]
