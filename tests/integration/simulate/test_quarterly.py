"""The quarterly drill: nothing before the checklist, then a real disaster, a real recovery, and honest figures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dr.errors import TargetRefused
from dr.operations.incident.find import incidents
from dr.operations.simulate.quarantine import quarantine_of
from tests.integration.simulate.test_undone import states
from tests.scenarios.product import Product

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def drilled(shop: Product) -> dict[str, Any]:
    """An application failure, drilled by the command line with everything confirmed beforehand."""
    return shop.dr("quarterly-drill", "--scenario", "application-failure", "--yes", "--confirm", "demo")


@pytest.mark.parametrize("typed", [("--confirm", "demo"), ()])
def test_nothing_is_broken_before_the_checklist_is_done(shop: Product, typed: tuple[str, ...]) -> None:
    """Nobody could be asked, so none of it is confirmed: exit code 11, and every service runs."""
    kept = list(quarantine_of(shop.system).glob("*"))

    answer = shop.dr("quarterly-drill", "--scenario", "application-failure", *typed, code=TargetRefused.exit_code)

    assert "nothing was touched" in answer["error"]["detail"]
    assert not typed or "a maintenance window is scheduled" in answer["error"]["detail"]
    assert set(states(shop).values()) == {"running"}
    assert list(quarantine_of(shop.system).glob("*")) == kept


@pytest.mark.incident("I3", "I8")
def test_a_drill_recovers_and_measures(shop: Product, drilled: dict[str, Any]) -> None:
    """By the real procedure; RTO and RPO against the targets, and the system runs as before."""
    objectives = {row["what"]: row for row in drilled["quarterly-objectives"]}

    assert set(states(shop).values()) == {"running"}
    assert objectives["RTO"]["target"] == "300 s"
    assert 0 < float(objectives["RTO"]["measured"].split()[0]) < 300
    assert objectives["RTO"]["met"] == objectives["RPO"]["met"] == "yes"
    assert objectives["RPO"]["measured"] == "0.0 s"


def test_before_and_after_are_compared_by_their_figures(drilled: dict[str, Any]) -> None:
    """Tables and rows are as they were, and the application answers at the same addresses."""
    rows = {row["what"]: row for row in drilled["quarterly-comparison"]}

    assert rows["tables"]["before"] == rows["tables"]["after"]
    assert int(rows["rows"]["before"]) > 1000
    health = [row for what, row in rows.items() if what.endswith("/api/health")]
    assert len(health) == 1
    assert health[0]["before"].startswith("ok in ")
    assert health[0]["after"].startswith("ok in ")
    assert int(rows["last canary"]["after"]) > int(rows["last canary"]["before"])


def test_the_report_says_who_confirmed_what_and_leaves_the_rest_to_people(drilled: dict[str, Any]) -> None:
    """Preparation, execution, objectives, comparison; and room for what only people know."""
    report = drilled["report"]

    assert report.startswith("# Quarterly drill of demo: application-failure, passed")
    assert "the test environment is prepared: confirmed" in report
    assert "recovered by dr recover-app" in report
    assert "_To fill in" in report


def test_the_drill_is_an_incident_of_its_own_that_is_closed(shop: Product, drilled: dict[str, Any]) -> None:
    """Its steps, the disaster and the recovery, with one approval, and marked as a drill; both stores have it."""
    one = next(one for one in incidents(shop.system) if one.opened.drill)
    (file,) = shop.directory.glob(f"backups/demo/evidence/*/incident_{one.id}.json")
    entries = json.loads(file.read_text())["entries"]

    assert one.closed is not None
    steps = [step["name"] for entry in entries if entry["what"] == "run-end" for step in entry["steps"]]
    for name in ("measure before", "make the disaster", "verify what came back", "measure after"):
        assert name in steps
    assert {entry["flow"] for entry in entries if entry["what"] == "run"} == {"quarterly-drill", "recover-application"}
    assert [entry["rto_target"] for entry in entries if entry["what"] == "measured"][-1] == 300.0


@pytest.mark.incident("I8", "I13")
def test_a_database_corruption_is_drilled_from_damage_to_proof(shop: Product) -> None:
    """Pages are lost on disk while a customer orders; the drill recovers in place, and no acknowledged order lacks.

    Its figures are the recovery's own: a row that was written after it does not make the loss look smaller.
    """
    shop.back_up()
    shop.writer.wait_for_more(3)

    answer = shop.dr("quarterly-drill", "--scenario", "database-corruption", "--yes", "--confirm", "demo")

    shop.writer.wait_for_more(3)
    objectives = {row["what"]: row for row in answer["quarterly-objectives"]}
    assert objectives["RTO"]["met"] == objectives["RPO"]["met"] == "yes", answer["report"]
    assert "recovered by dr recover-db --in-place" in answer["report"]
    assert not shop.lost()
    assert set(states(shop).values()) == {"running"}
