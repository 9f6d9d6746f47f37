"""A disaster that was made on purpose is real, is told with its way back, and can be undone."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from dr.errors import BackupNotFound, SourceError
from dr.operations.application.health import ask_application
from dr.operations.application.stop import statuses
from dr.operations.repositories import open_repository
from dr.operations.simulate.make import make_disaster
from dr.operations.simulate.plan import plan_simulation
from dr.operations.simulate.quarantine import Simulation, find_simulation
from dr.operations.simulate.undo import undo_simulation
from dr.policy.objectives import Scenario
from dr.postgres.connection import connected
from tests.scenarios.product import Product


def states(shop: Product) -> dict[str, str]:
    """How each service is."""
    names = [item.name for item in shop.system.procedures.services]
    return {status.service: str(status.state) for status in statuses(shop.system, names)}


def read_all(shop: Product, table: str) -> int:
    """Every page of a table; raises what PostgreSQL says of a damaged one."""
    with connected(shop.superuser_url) as connection:
        connection.execute("SET enable_indexonlyscan = off; SET enable_indexscan = off; SET enable_bitmapscan = off")
        row = connection.execute(f"SELECT count(*) AS n FROM {table}".encode()).fetchone()  # noqa: S608 - ours
    return int(row["n"]) if row else 0


def simulate(shop: Product, scenario: Scenario) -> Simulation:
    """Planned and made."""
    return make_disaster(shop.system, plan_simulation(shop.system, scenario, ()), (), by="the test", seed=7)


def test_a_dry_run_says_what_would_go_and_touches_nothing(shop: Product) -> None:
    """Services by name, directories by path, the recovery's command, and the way back."""
    before = states(shop)

    plan = shop.dr("simulate-disaster", "--scenario", "full-system-failure", "--dry-run")["plan"]

    assert states(shop) == before == dict.fromkeys(before, "running")
    assert plan["kill"][0] == "application"
    assert sorted(plan["kill"]) == ["application", "database", "redis"]
    assert str(shop.place.production) in plan["take"]
    assert str(shop.uploads) in plan["take"]
    assert not list((shop.directory / "state" / "quarantine").glob("**/simulation.json"))
    lines = "\n".join(plan_simulation(shop.system, Scenario.FULL_SYSTEM_FAILURE, ()).lines())
    assert "recover     dr full-recovery" in lines
    assert "undo        dr simulate-disaster --undo" in lines


def test_pages_are_damaged_on_disk_and_mended_again(shop: Product) -> None:
    """PostgreSQL itself finds them; after the undoing it reads every row that was there."""
    made = simulate(shop, Scenario.DATABASE_CORRUPTION)
    assert made.pages is not None

    with pytest.raises(SourceError, match="invalid page") as told:
        read_all(shop, made.pages.table)
    undo_simulation(shop.system)

    assert "invalid page" in told.value.detail
    assert read_all(shop, made.pages.table) > 0
    assert set(states(shop).values()) == {"running"}


def test_pages_of_a_file_that_was_replaced_meanwhile_are_left_alone(shop: Product) -> None:
    """A recovery has put a new file there: what lay in the old one would damage it."""
    made = simulate(shop, Scenario.DATABASE_CORRUPTION)
    assert made.pages is not None
    file = Path(made.pages.file)
    mended = bytearray(file.read_bytes())
    size = made.pages.page_bytes
    for place, page in enumerate(made.pages.pages):
        mended[page * size : (page + 1) * size] = Path(made.pages.kept).read_bytes()[place * size :][:size]
    fresh = file.with_name(f"{file.name}.fresh")
    fresh.write_bytes(mended)
    shutil.copystat(file, fresh)
    owner = file.stat()
    os.chown(fresh, owner.st_uid, owner.st_gid)
    Path(made.pages.kept).write_bytes(b"\0" * size * len(made.pages.pages))
    fresh.replace(file)

    undone = undo_simulation(shop.system)

    assert "another file by now" in " ".join(undone.notes)
    assert file.read_bytes() == bytes(mended)
    assert read_all(shop, made.pages.table) > 0


def test_killed_services_stay_down_until_somebody_starts_them(shop: Product) -> None:
    """The application is gone, its data's services are not touched; the command undoes it, and says how to recover."""
    made = shop.dr("simulate-disaster", "--scenario", "application-failure", "--confirm", "demo")["simulation"]
    down = states(shop)
    answers = ask_application(shop.system, 2)

    shop.dr("simulate-disaster", "--undo", "--confirm", "demo")

    assert down == {"application": "failed", "database": "running", "redis": "running"}
    assert not any(answer.ok for answer in answers)
    assert len(made["killed"]) == 1
    assert set(states(shop).values()) == {"running"}
    (record,) = (record for record in evidence(shop) if record["flow"] == "simulate-disaster")
    told = "\n".join(one["text"] for one in record["artifacts"])
    assert "recover with: `dr recover-app`" in told
    assert "undo with: `dr simulate-disaster --undo`" in told


def evidence(shop: Product) -> list[dict[str, Any]]:
    """The records of runs that made or undid a disaster, out of the local store."""
    records = [json.loads(file.read_text()) for file in shop.directory.glob("backups/demo/evidence/*/run_*.json")]
    return [record for record in records if any(one["key"] == "simulation" for one in record["artifacts"])]


@pytest.mark.incident("I8")
def test_everything_is_taken_away_and_comes_back(shop: Product) -> None:
    """Data, uploads and configuration are gone from their places; undone, every acknowledged order is there again.

    What came into a place meanwhile is kept aside, not overwritten.
    """
    shop.writer.wait_for_more(3)
    made = simulate(shop, Scenario.FULL_SYSTEM_FAILURE)
    gone = [taken.place for taken in made.taken if not Path(taken.place).exists()]
    down = states(shop)
    shop.uploads.mkdir()
    (shop.uploads / "newer.txt").write_text("came with a recovery that failed")

    undone = undo_simulation(shop.system)

    assert gone == [taken.place for taken in made.taken]
    assert {str(shop.place.production), str(shop.uploads)} <= set(gone)
    assert set(down.values()) <= {"failed", "stopped"}
    assert set(states(shop).values()) == {"running"}
    assert not shop.lost()
    assert shop.part("files").compare().problems == ()
    (note,) = undone.notes
    assert (Path(note.rpartition(" is now ")[2]) / "newer.txt").read_text() == "came with a recovery that failed"


def test_a_disaster_that_was_cut_off_in_its_midst_is_undone_all_the_same(shop: Product) -> None:
    """What is written down before an act that never came is no reason to stop; done twice, there is nothing to undo."""
    made = simulate(shop, Scenario.FULL_SYSTEM_FAILURE)
    book = find_simulation(shop.system)
    last = made.taken[-1]
    Path(last.kept).rename(last.place)  # as if it had been killed right before the last one was moved
    book.write(dataclasses.replace(made, done=False))

    undo_simulation(shop.system)

    assert set(states(shop).values()) == {"running"}
    assert all(Path(taken.place).exists() for taken in made.taken)
    with pytest.raises(BackupNotFound, match="no simulated disaster"):
        undo_simulation(shop.system)


def test_a_region_goes_with_its_own_store_and_the_other_place_still_has_the_copies(shop: Product) -> None:
    """An outage takes the services, the data and the store of that region; a recovery finds the other store."""
    shop.back_up()
    local = shop.directory / "backups"
    simulation = dataclasses.replace(shop.system.procedures.simulation, region_paths=(local,))
    procedures = dataclasses.replace(shop.system.procedures, simulation=simulation)
    region = dataclasses.replace(shop.system, procedures=procedures)
    plan = plan_simulation(region, Scenario.DATA_CENTER_OUTAGE, ())

    made = make_disaster(region, plan, (), by="the test", seed=7)
    down = states(shop)
    elsewhere = open_repository(region).list()
    undo_simulation(region)

    assert {str(local), str(shop.place.production)} <= {taken.place for taken in made.taken}
    assert "running" not in down.values()
    assert {name for backup in elsewhere.backups for name in backup.stores} == {"cloud"}
    assert elsewhere.backups
    assert "recover     dr failover" in "\n".join(plan.lines())
    assert set(states(shop).values()) == {"running"}
    assert (local / shop.system.name).is_dir()
    assert not shop.lost()
