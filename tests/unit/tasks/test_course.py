"""The steps of a procedure are kept: killed at any of them and run again, it ends the same and does nothing twice."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from dr.evidence.journal import read_journal, unfinished
from dr.evidence.journal_events import Event
from tests.unit.tasks.killed_at import VARIABLE

ROOT = Path(__file__).parents[3]
EVERY = ("choose", "uploads", "redis", "code", "start")
_KILLED = -9


def toy(directory: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """One run of the toy procedure on the plain runner, in a process of its own."""
    return subprocess.run(
        (sys.executable, "-m", "tests.unit.tasks.toy_course", str(directory), *options),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DR_RUNNER": "plain", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def calls(directory: Path) -> Counter[str]:
    """How often each step was called, over all runs."""
    return Counter(line.split()[0] for line in (directory / "calls").read_text().splitlines())


def journal_of(directory: Path) -> tuple[Event, ...]:
    """The events of its only journal."""
    return read_journal(next((directory / "procedures" / "toy").glob("toy-course_*")))


@pytest.mark.parametrize("event", ["begin choose", "end choose", "begin redis", "end code"])
def test_killed_at_any_event_and_run_again_it_ends_the_same(tmp_path: Path, event: str) -> None:
    """What had ended is not done again; what was cut off is."""
    killed = toy(tmp_path, **{VARIABLE: event})
    ended = {item.step for item in journal_of(tmp_path) if item.what == "end"}
    resumed = toy(tmp_path)

    assert killed.returncode == _KILLED, killed.stderr
    assert (resumed.returncode, resumed.stdout.split()) == (0, list(EVERY)), resumed.stderr
    assert Counter(item.step for item in journal_of(tmp_path) if item.what == "end") == dict.fromkeys(EVERY, 1)
    assert {step: calls(tmp_path)[step] for step in ended} == dict.fromkeys(ended, 1)


def test_one_that_fails_lets_those_beside_it_end_and_is_alone_tried_again(tmp_path: Path) -> None:
    """The first failure is raised with the others as its notes; the procedure does not go on without them."""
    failed = toy(tmp_path, FAILING="redis code")
    after_one = calls(tmp_path)
    resumed = toy(tmp_path)

    assert failed.returncode == 15
    assert failed.stderr.index("redis failed") < failed.stderr.index("and code: code failed")
    assert after_one == dict.fromkeys(("choose", "uploads", "redis", "code"), 1)
    assert (resumed.returncode, calls(tmp_path)) == (0, Counter(choose=1, uploads=1, redis=2, code=2, start=1))


def test_where_a_part_may_fail_the_rest_of_the_procedure_is_done(tmp_path: Path) -> None:
    """What the others gave, in their order."""
    done = toy(tmp_path, "--going-on", FAILING="redis")

    assert (done.returncode, done.stdout.split()) == (0, ["choose", "uploads", "code", "start"]), done.stderr


def test_one_that_was_overtaken_is_not_gone_on_with_although_the_other_died_at_its_end(tmp_path: Path) -> None:
    """It would put into service what was right before that."""
    toy(tmp_path, WISH="another", **{VARIABLE: "begin redis"})
    journals = tmp_path / "procedures" / "toy"
    ((overtaken, _),) = unfinished(journals, "toy-course", "toy")
    killed = toy(tmp_path, **{VARIABLE: "close"})
    left = [directory for directory, _ in unfinished(journals, "toy-course", "toy")]
    resumed = toy(tmp_path)

    assert killed.returncode == _KILLED
    assert overtaken not in left
    assert resumed.returncode == 0
    assert not unfinished(journals, "toy-course", "toy")


def test_a_new_beginning_does_everything_again(tmp_path: Path) -> None:
    """Nothing of the unfinished one is believed."""
    toy(tmp_path, **{VARIABLE: "end code"})
    anew = toy(tmp_path, "--anew")

    assert anew.returncode == 0, anew.stderr
    assert calls(tmp_path)["choose"] == 2
