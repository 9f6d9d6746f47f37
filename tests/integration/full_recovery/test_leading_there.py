"""What a full recovery leads people to, and what it says to them: by what this run has made, and held up by nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

RUN = '''
import sys
from pathlib import Path

from dr.operations.infrastructure.accounts import Output
from dr.operations.infrastructure.apply import InfrastructureMade
from dr.operations.infrastructure.kept_outputs import keep_outputs
from dr.operations.switch_traffic import Change, Switched
from dr.policy.full_plan import FullPlan
from dr.policy.objectives import Scenario
from tasks.course import course
from tasks.full_recovery_course import Recovery
from tasks.incident import IncidentRecord
from tasks.runner import flow
from tasks.systems import load_system
from tests.contracts.traffic_subjects import system_with

CONFIGURATION = """
[system.shop]
state_directory = "state"
[system.shop.stores.local]
path = "copies"
[system.shop.encryption]
passphrase_file = "passphrase"
[system.shop.status_page]
url = "http://127.0.0.1:1"
page = "y73h6tpxk3b8"
token_file = "token"
"""
place = Path(sys.argv[1])
system = system_with(place)
plan = FullPlan("shop", "", None, "", None, (), ())
told = IncidentRecord(system, "incident_20260101_030000", False, Scenario.FULL_SYSTEM_FAILURE)

def made(module, **values):
    outputs = tuple(Output(name, (value,)) for name, value in values.items())
    return InfrastructureMade(str(place / module), "default", (), outputs, ())

keep_outputs(system, str(place), {"web": ("198.51.100.1",), "old": ("198.51.100.2",)})
@flow(name="leading-there")
def leading_there():
    with course(system, "full-recovery", {}) as steps:
        steps.journal.do("make network", lambda: made("network", web="203.0.113.1", id="1"), InfrastructureMade)
        steps.journal.do("make data", lambda: made("data", db="203.0.113.2", id="2"), InfrastructureMade)
        recovery = Recovery("shop", system, plan, steps, told)
        print(sorted(recovery._outputs().items()))
        recovery.tell_people()
        print(recovery._todo)
    (place / "passphrase").write_text("made up for this run")
    (place / "token").write_text("made up for this run")
    (place / "nowhere.toml").write_text(CONFIGURATION)
    for file in ("passphrase", "token", "nowhere.toml"):
        (place / file).chmod(0o600)
    with_page = load_system("shop", require_postgres=False)
    with course(system, "nothing-leads-there", {}) as steps:
        steps.journal.do("plan traffic", lambda: (), tuple[Change, ...])
        recovery = Recovery("shop", with_page, plan, steps, told)
        recovery.switch_traffic(anyway=False)
        print(recovery._todo)
    with course(system, "led-there-before", {}) as steps:
        steps.journal.do("switch traffic", lambda: (), tuple[Switched, ...])
        recovery = Recovery("shop", with_page, plan, steps, told)
        recovery.tell_people()
        recovery._why_not_verified = ("rows are missing",)
        recovery.switch_traffic(anyway=False)
        print(recovery._todo)

leading_there()
'''


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """What it leads to, and what is left to people: at its beginning, without a switch, after an earlier run's."""
    done = run(tmp_path_factory.mktemp("leading"))
    assert done.returncode == 0, done.stderr
    return tuple(done.stdout.splitlines())


def run(tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """On the plain runner, in a process of its own, whose configuration cannot be read at first."""
    return subprocess.run(
        (sys.executable, "-c", RUN, str(tmp_path)),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DR_RUNNER": "plain", "DR_CONFIG": str(tmp_path / "nowhere.toml")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_people_are_led_to_what_this_run_has_made_and_telling_them_holds_nothing_up(told: tuple[str, ...]) -> None:
    """Not to what a drill left on this host; what could not be told is left for a person to tell."""
    outputs, todo, _, _ = told

    assert outputs == str([("db", ("203.0.113.2",)), ("id", ()), ("web", ("203.0.113.1",))])
    assert "tell people: All of it is being recovered" in todo


def test_where_nothing_leads_people_here_the_page_does_not_say_for_ever_that_it_is_worked_on(
    told: tuple[str, ...],
) -> None:
    """It says that it runs; that people are here, and it is over, a person says."""
    _, _, todo, _ = told

    assert "tell people: It runs again." in todo
    assert "resolve the incident on the status page when people are led here" in todo


def test_where_an_earlier_run_has_led_people_to_what_is_not_well_now_it_is_said(told: tuple[str, ...]) -> None:
    """And nobody is told once more that all of it is being recovered."""
    _, _, _, todo = told

    assert "an earlier run has led people here at 20" in todo
    assert todo.endswith("Z: rows are missing']")
    assert "tell people" not in todo
