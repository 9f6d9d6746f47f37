"""The quarterly drill: nothing before the checklist, then a real disaster, a real recovery, and honest figures.

All four scenarios of the guide are drilled once, one after the other, on one product in which a customer orders.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

import pytest

from dr.errors import TargetRefused
from dr.evidence.incident import RunBegan
from dr.operations.application.health import ask_application
from dr.operations.simulate.undo import undo_simulation
from dr.policy.objectives import DEFAULT_OBJECTIVES, Scenario
from dr.postgres.standby import server_role
from tests.integration.simulate.drilled import AGAIN, Drill, Drilled, drilled
from tests.integration.simulate.test_undone import states

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
RECOVERED_BY = {
    Scenario.APPLICATION_FAILURE: ("dr recover-app", "recover-application"),
    Scenario.DATABASE_CORRUPTION: ("dr recover-db --in-place", "recover-database"),
    Scenario.FULL_SYSTEM_FAILURE: ("dr full-recovery", "full-recovery"),
    Scenario.DATA_CENTER_OUTAGE: ("dr failover", "region-failover"),
}


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drilled]:
    """Every scenario, drilled by the command line with everything confirmed beforehand."""
    with drilled(tmp_path_factory.mktemp("quarterly") / "shop") as made:
        yield made


@pytest.fixture(params=list(Scenario), ids=str)
def scenario(request: pytest.FixtureRequest) -> Scenario:
    """Each of the guide's."""
    return Scenario(request.param)


@pytest.fixture
def drill(played: Drilled, scenario: Scenario) -> Drill:
    """That scenario's."""
    return played.drills[scenario]


def test_nothing_is_broken_before_the_checklist_is_done(played: Drilled) -> None:
    """Nobody could be asked, so none of it is confirmed: refused with every open item, and every service runs."""
    for one in (played.named, played.unnamed):
        assert "nothing was touched" in one.answer["error"]["detail"]
        assert set(one.states.values()) == {"running"}
        assert one.taken == ()
    assert "a maintenance window is scheduled" in played.named.answer["error"]["detail"]


@pytest.mark.incident("I3", "I8")
def test_each_scenario_is_measured_against_the_targets_of_the_guide(drill: Drill, scenario: Scenario) -> None:
    """Recovery time by the clock, recovery point by the canary, or what it can be at most: else nothing is met."""
    wanted = DEFAULT_OBJECTIVES[scenario]
    measured = drill.answer["drill"]["verdict"]

    assert drill.objectives["RTO"]["target"] == f"{wanted.rto_seconds:.0f} s"
    assert drill.objectives["RPO"]["target"] == f"{wanted.rpo_seconds:.0f} s"
    assert 0 < measured["rto_seconds"] < wanted.rto_seconds
    lost = measured["rpo_at_most"] if measured["rpo_seconds"] is None else measured["rpo_seconds"]
    assert 0 <= lost <= wanted.rpo_seconds
    assert [row["met"] for row in drill.objectives.values()] == ["yes", "yes"]


@pytest.mark.incident("I8")
def test_each_scenario_is_recovered_by_the_procedure_that_people_run(drill: Drill, scenario: Scenario) -> None:
    """The very flow, whose steps are in the incident of the drill, which is marked as one and closed."""
    command, flow = RECOVERED_BY[scenario]
    runs = {entry.flow for entry in drill.incident.of(RunBegan)}

    assert f"recovered by {command}" in drill.report
    assert runs == {"quarterly-drill", flow}
    assert drill.incident.opened.drill
    assert drill.incident.closed is not None


@pytest.mark.incident("I8")
def test_no_acknowledged_order_is_lacking_that_was_older_than_the_baseline(drill: Drill) -> None:
    """What a customer was told of before the drill's own canary row is there; the loss is counted from that row."""
    baseline = datetime.fromisoformat(drill.answer["drill"]["before"]["at"])

    assert [order for order in drill.lacking if order.at < baseline] == []


def test_what_stays_in_service_loses_nothing_at_all(played: Drilled) -> None:
    """An application that is begun again, and a database that was stopped in order, lack no order."""
    for scenario in (Scenario.APPLICATION_FAILURE, Scenario.DATABASE_CORRUPTION):
        assert played.drills[scenario].lacking == ()


@pytest.mark.incident("I13")
def test_before_and_after_are_compared_by_their_figures(drill: Drill) -> None:
    """Tables and rows are as they were, and the application answers at the same addresses."""
    rows = drill.comparison

    assert rows["tables"]["before"] == rows["tables"]["after"]
    assert int(rows["rows"]["before"]) > 1000
    health = [row for what, row in rows.items() if what.endswith("/api/health")]
    assert len(health) == 1
    assert health[0]["before"].startswith("ok in ")
    assert health[0]["after"].startswith("ok in ")
    assert int(rows["last canary"]["after"]) > int(rows["last canary"]["before"])


def test_the_report_says_who_confirmed_what_and_leaves_the_rest_to_people(drill: Drill, scenario: Scenario) -> None:
    """Preparation, baseline, execution, objectives, comparison; and room for what only people know."""
    headings = [line for line in drill.report.splitlines() if line.startswith("#")]

    assert headings == [
        f"# Quarterly drill of demo: {scenario}, passed",
        "## Preparation",
        "## Execution",
        "## Recovery time and point, against the objectives",
        "## Before and after",
        "## Issues and improvements",
    ]
    assert drill.report.count(": confirmed, by ") == 3
    assert "* baseline measured at " in drill.report
    # What PostgreSQL empties by itself would look lost; beginning the application again empties nothing.
    restored = scenario is not Scenario.APPLICATION_FAILURE
    assert ("* unlogged tables: shop.sessions" in drill.report) is restored
    assert "_To fill in" in drill.report


def test_a_drill_is_held_against_the_one_of_its_scenario_before(played: Drilled) -> None:
    """The first has none, though others were drilled between; the second has the first one's own figures."""
    first, second = played.drills[Scenario.APPLICATION_FAILURE], played.drills[AGAIN]

    assert first.objectives["RTO"]["drill before"] == "none"
    assert second.objectives["RTO"]["drill before"] == first.objectives["RTO"]["measured"]
    assert second.objectives["RPO"]["drill before"] == first.objectives["RPO"]["measured"]
    assert "Drill before: none" in first.report
    assert "Drill before: none" not in second.report


def test_the_drill_is_an_incident_in_every_store(played: Drilled) -> None:
    """Its steps, those of the disaster and of the recovery, and what was measured last."""
    shop, one = played.shop, played.drills[Scenario.APPLICATION_FAILURE].incident
    (file,) = shop.directory.glob(f"backups/demo/evidence/*/incident_{one.id}.json")
    entries = json.loads(file.read_text())["entries"]

    steps = [step["name"] for entry in entries if entry["what"] == "run-end" for step in entry["steps"]]
    for name in ("measure before", "make the disaster", "verify what came back", "measure after"):
        assert name in steps
    assert [entry["rto_target"] for entry in entries if entry["what"] == "measured"][-1] == 300.0


def test_an_outage_is_not_undone_while_the_other_region_is_in_charge(played: Drilled) -> None:
    """The first region's server would come up beside it: refused, and the second one goes on."""
    shop = played.shop
    before = states(shop)

    with pytest.raises(TargetRefused, match="must not come up beside it") as told:
        undo_simulation(shop.system)

    assert "dr failback" in told.value.hint
    assert states(shop) == before
    assert before["database"] != "running"
    assert not server_role(played.region.url).standby
    assert all(answer.ok for answer in ask_application(shop.system, 5))
