"""What a full recovery leads people to, and what it says to them: by what this run has made, and held up by nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

RUN = """
import sys
from pathlib import Path

from dr.operations.infrastructure.accounts import Output
from dr.operations.infrastructure.apply import InfrastructureMade
from dr.operations.infrastructure.kept_outputs import keep_outputs
from dr.policy.full_plan import FullPlan
from dr.policy.objectives import Scenario
from tasks.course import course
from tasks.full_recovery_course import Recovery
from tasks.incident import IncidentRecord
from tasks.runner import flow
from tests.contracts.traffic_subjects import system_with

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

leading_there()
"""


def run(tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """On the plain runner, in a process of its own, whose configuration cannot be read."""
    return subprocess.run(
        (sys.executable, "-c", RUN, str(tmp_path)),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DR_RUNNER": "plain", "DR_CONFIG": str(tmp_path / "nowhere.toml")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_people_are_led_to_what_this_run_has_made_and_telling_them_holds_nothing_up(tmp_path: Path) -> None:
    """Not to what a drill left on this host; what could not be told is left for a person to tell."""
    done = run(tmp_path)

    assert done.returncode == 0, done.stderr
    outputs, todo = done.stdout.splitlines()
    assert outputs == str([("db", ("203.0.113.2",)), ("id", ()), ("web", ("203.0.113.1",))])
    assert "tell people: All of it is being recovered" in todo
