"""A whole product, broken part by part for real: the assessment names what, how bad, and what to type next."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from dr.cli.output import plain
from dr.demo.corruption import Damage, confirm_corruption, overwrite_pages
from dr.demo.queries import query
from dr.errors import ServiceError
from dr.operations.assess import assess, lines
from dr.operations.wal.status import read_status
from dr.postgres.connection import connected
from dr.services.registry import service
from tests.scenarios.product import Product, product

pytestmark = pytest.mark.slow

Stages = dict[str, dict[str, Any]]


def damage(made: Product) -> None:
    """Pages of a table are overwritten on disk while PostgreSQL is down; then somebody reads it. The receiver dies."""
    with connected(made.superuser_url) as connection:
        connection.execute("CHECKPOINT")
        row = connection.execute(query("largest_table")).fetchone()
        assert row is not None
    data = made.system.procedures.recovery.data_directory
    assert data is not None
    made.kill("database")
    pages = overwrite_pages(data / row["path"], row["page_bytes"], row["pages"], seed=7)
    service(made.system, "database").start(60)
    assert confirm_corruption(made.superuser_url, Damage(row["name"], data / row["path"], pages, datetime.now(UTC)))
    if made.receiver:
        made.receiver.kill()


def ruin(made: Product) -> None:
    """The control file is gone: PostgreSQL refuses to start. So is a store."""
    data = made.system.procedures.recovery.data_directory
    assert data is not None
    made.kill("database")
    control = data / "global" / "pg_control"
    control.write_bytes(bytes(control.stat().st_size))
    with pytest.raises(ServiceError):
        service(made.system, "database").start(10)
    made.remove(next(one.path for one in made.system.stores if one.path))


def wait_until_seen(made: Product) -> None:
    """The receiver began before the first base backup; it looks for one every minute or so."""
    end = time.monotonic() + 150
    while (status := read_status(made.system)) is None or status.base_needed:
        assert time.monotonic() < end, status
        time.sleep(0.2)


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    """What was told after each further loss."""
    told: Stages = {}
    with product(tmp_path_factory.mktemp("shop") / "here", kinds=("redis",)) as made:
        made.back_up()
        wait_until_seen(made)
        losses: dict[str, Callable[[], object]] = {
            "well": lambda: None,
            "redis": lambda: made.kill("redis"),
            "application": lambda: made.kill("application"),
            "damage": lambda: damage(made),
            "refusal": lambda: ruin(made),
        }
        for name, lose in losses.items():
            lose()
            found = assess(made.system, 60.0, words=("--system", made.system.name))
            told[name] = {**plain(found), "screen": list(lines(found))}
        yield told


def seen(told: dict[str, Any], subject: str, name: str = "") -> dict[str, Any]:
    """One observation."""
    return next(item for item in told["observations"] if (item["subject"], item["name"]) == (subject, name))


def reasons(told: dict[str, Any]) -> set[str]:
    """What the severity rests on."""
    return {item["subject"] for item in told["judgement"]["reasons"]}


def test_a_product_that_works_is_told_so(stages):
    """The guide's screen, line by line; only what nobody ever did here, a drill, wants care."""
    told = stages["well"]

    assert told["screen"][:3] == ["Database: ONLINE", "Redis: ONLINE", "Application: RUNNING"]
    assert told["screen"][3].startswith("Disk: ")
    assert told["screen"][4] == "Backups: 1 recent backup"
    assert reasons(told) <= {"Last drill", "Disk"}
    for subject in ("Off-site", "Key", "WAL", "Unfinished"):
        assert seen(told, subject)["condition"] == "ok", seen(told, subject)


def test_redis_alone_is_a_single_service(stages):
    """Its service and the application that suffers from it are told with it."""
    told = stages["redis"]

    assert seen(told, "Redis")["condition"] == "down"
    assert "its service redis" in seen(told, "Redis")["detail"]
    assert told["judgement"]["scenario"] == "application-failure"
    assert told["next_step"]["command"].startswith("dr recover-app --system ")
    assert told["judgement"]["severity"] in ("LOW", "MEDIUM")


def test_a_killed_application_is_an_application_failure(stages):
    """People see nothing any more: HIGH, and nothing has to be restored."""
    told = stages["application"]

    assert seen(told, "Application")["shown"] == "NOT RUNNING"
    assert (told["judgement"]["severity"], told["judgement"]["scenario"]) == ("HIGH", "application-failure")
    assert told["next_step"]["rpo_seconds"] == 0.0


def test_damage_that_was_met_is_a_corruption_while_the_database_still_answers(stages):
    """The server counts its checksum failures; whatever else is down, the data comes first."""
    told = stages["damage"]

    assert seen(told, "Database")["shown"] == "ONLINE, DAMAGED"
    assert seen(told, "Database")["sign"] == "damaged data"
    assert told["judgement"]["scenario"] == "database-corruption"
    assert told["next_step"]["command"].startswith("dr recover-db --in-place --system ")
    assert not any("merely stopped" in line for line in told["next_step"]["before"])


def test_the_forecast_rests_on_what_was_measured(stages):
    """The backup was read back when it was made, and the WAL came in until a moment ago."""
    step = stages["damage"]["next_step"]

    assert step["rto_seconds"] > 0
    assert "a forecast from" in step["rto"]
    assert 0 <= step["rpo_seconds"] < 900
    assert "a forecast" in step["rpo"]
    assert step["objective"] == {"rto_seconds": 900.0, "rpo_seconds": 900.0}


def test_a_receiver_that_was_killed_is_told(stages):
    """Nothing more comes in, however new what is stored may be."""
    said = seen(stages["damage"], "WAL")

    assert said["condition"] == "impaired"
    assert "dr wal receive does not run on this host" in said["detail"]


def test_a_database_that_refuses_to_start_is_a_corruption(stages):
    """The words of its service tell it from one that was merely stopped."""
    told = stages["refusal"]

    assert seen(told, "Database")["condition"] == "down"
    assert seen(told, "Database")["sign"] == "damaged data", seen(told, "Database")
    assert told["judgement"]["scenario"] == "database-corruption"
    assert told["judgement"]["severity"] == "CRITICAL"


def test_a_store_that_has_gone_leaves_the_others(stages):
    """The local copies are gone with their disk; what lies elsewhere is still told."""
    told = stages["refusal"]

    assert seen(told, "Off-site")["condition"] == "ok"
    assert "cloud" in seen(told, "Backups")["detail"]
    assert "in local" not in seen(told, "Backups")["detail"]


def test_no_secret_is_in_what_is_told(stages):
    """Whatever drivers and servers quote."""
    text = str(stages)

    assert "://postgres:" not in text
    assert "password=" not in text
