"""Processes of the local install are found again, ended for certain, and never mistaken for others."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.draining import drain
from deployments.local_parts import MARK, Part, end_marked
from deployments.processes import Process, carrying, children_of, process

SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")
DEAF = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)",
)
_SENDS_ITSELF_SIGINT = """
import os, signal, time
signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
print("ready", flush=True)
time.sleep(60)
"""
ASKED_BY_INTERRUPT = (sys.executable, "-c", _SENDS_ITSELF_SIGINT)


@pytest.fixture
def mark() -> Iterator[str]:
    """A mark of this test's; whatever carries it is gone afterwards."""
    made = secrets.token_hex(8)
    yield made
    for left in carrying(MARK, made):
        left.send(signal.SIGKILL)


@pytest.fixture
def environment(mark: str) -> dict[str, str]:
    """Ours with the mark."""
    return {**os.environ, MARK: mark}


@pytest.fixture
def part(tmp_path: Path) -> Part:
    """One that is given a second to end."""
    return Part("worker", tmp_path, patience_seconds=1)


def _until_said(part: Part, word: str) -> None:
    until = time.monotonic() + 10
    while word not in part.last_words():
        assert time.monotonic() < until, part.last_words()
        time.sleep(0.02)


def test_a_part_is_found_again_and_ended(part: Part, environment: dict[str, str], tmp_path: Path) -> None:
    """Another command, knowing only the directory, sees it, ends it, and then sees it no more."""
    part.begin(SLEEP, environment, tmp_path)
    again = Part("worker", tmp_path, patience_seconds=1)

    found = again.running()
    assert found is not None
    assert again.end() == "ended"
    assert not found.alive
    assert again.running() is None
    assert again.end() == ""


def test_a_part_that_does_not_listen_is_killed(part: Part, environment: dict[str, str], tmp_path: Path) -> None:
    """SIGTERM ignored, it is gone all the same, and that is said."""
    part.begin(DEAF, environment, tmp_path)
    _until_said(part, "deaf")

    assert part.end().startswith("killed: it did not end within 1 s")


def test_a_part_that_died_is_not_running(part: Part, environment: dict[str, str], tmp_path: Path) -> None:
    """A pid file alone proves nothing."""
    part.begin(SLEEP, environment, tmp_path)
    running = part.running()
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)
    os.waitpid(running.pid, 0)

    assert part.running() is None
    assert part.end() == "had ended by itself"


def test_a_later_process_with_the_same_pid_is_left_alone(part: Part, tmp_path: Path) -> None:
    """The pid file holds when the process began: this very test's process is not ended by it."""
    (tmp_path / "run").mkdir()
    stale = {"pid": os.getpid(), "begun": "another boot 1"}
    (tmp_path / "run" / "worker.json").write_text(json.dumps(stale), encoding="utf-8")

    assert part.running() is None
    assert part.end() == "had ended by itself"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_damaged_pid_file_is_no_process(part: Part, tmp_path: Path, text: str) -> None:
    """A full disk may have cut it."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "worker.json").write_text(text, encoding="utf-8")

    assert part.running() is None


def test_a_part_begun_in_the_background_of_a_shell_can_be_interrupted(
    part: Part, environment: dict[str, str], tmp_path: Path
) -> None:
    """Where we ignore SIGINT, as under `make up &`, the part does not: a worker that sends it to itself ends."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        part.begin(ASKED_BY_INTERRUPT, environment, tmp_path)
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    _until_said(part, "ready")

    assert part.end() == "ended"


def test_what_a_killed_part_left_behind_is_ended(mark: str, environment: dict[str, str]) -> None:
    """In a session of its own and its parent dead, it is known by its mark; a process without it is left alone."""
    script = (
        "import subprocess, sys\n"
        "argv = (sys.executable, '-c', 'import time; time.sleep(60)')\n"
        "nothing = subprocess.DEVNULL\n"
        "print(subprocess.Popen(argv, stdout=nothing, stderr=nothing, start_new_session=True).pid)"
    )
    told = subprocess.run((sys.executable, "-c", script), env=environment, capture_output=True, text=True, check=True)
    left = process(int(told.stdout))
    with subprocess.Popen(SLEEP) as foreign:
        before = left.alive
        ended = end_marked(mark)
        after, spared = left.alive, foreign.poll() is None
        foreign.kill()

    assert (before, ended, after, spared) == (True, 1, False, True)


def test_draining_lets_runs_end_by_themselves_and_then_ends_them() -> None:
    """A short run is waited for; a long one is asked to end; the worker itself is not touched."""
    script = (
        "import subprocess, sys, time\n"
        "run = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(%s)'], start_new_session=True)\n"
        "print('ready', flush=True)\n"
        "run.wait(); time.sleep(60)"
    )
    for seconds, ended in ((0.5, 0), (60, 1)):
        with subprocess.Popen((sys.executable, "-c", script % seconds), stdout=subprocess.PIPE, text=True) as worker:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
            runs = children_of(worker.pid)
            assert len(runs) == 1

            assert drain(worker.pid, 5 if ended == 0 else 0.2) == ended
            assert not runs[0].alive
            assert process(worker.pid).alive
            worker.kill()


def test_a_zombie_is_gone() -> None:
    """A dead child that nobody has waited for runs no more."""
    with subprocess.Popen(SLEEP) as child:
        running = process(child.pid)
        before = running.alive
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        after = running.alive

    assert (before, after) == (True, False)
    assert process(child.pid) == Process(child.pid, "")
