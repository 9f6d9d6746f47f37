"""What a later run of a full recovery does again, although an earlier one has done it."""

from __future__ import annotations

from pathlib import Path

from dr.evidence.journal import Opening, open_journal
from dr.policy.full_plan import FullPlan
from dr.policy.objectives import Scenario
from tasks.course import Course
from tasks.full_recovery_course import Recovery
from tasks.incident import IncidentRecord
from tests.unit.operations.places import NAME, system

PLAN = FullPlan(NAME, "", None, "", None, (), ())


def test_what_does_not_outlive_a_reboot_is_started_by_every_run(tmp_path: Path) -> None:
    """Its time is the first one's, and the journal has it once; what was restored is not restored again."""
    mine = system(tmp_path)
    started: list[int] = []
    restored: list[int] = []
    ended: list[str] = []
    last = 0

    def start() -> int:
        started.append(1)
        return len(started)

    def restore() -> int:
        restored.append(1)
        return len(restored)

    for _ in range(3):
        with open_journal(tmp_path / "journals", Opening("full-recovery", NAME), run="a run") as journal:
            told = IncidentRecord(mine, "incident", False, Scenario.FULL_SYSTEM_FAILURE)
            steps = Course(journal)
            steps.step("restore", restore)
            last = Recovery(NAME, mine, PLAN, steps, told)._each_time("start", start)
            ended = [event.step for event in journal.events if event.what == "end"]

    assert (len(restored), len(started), last) == (1, 3, 3)
    assert ended == ["restore", "start"]
