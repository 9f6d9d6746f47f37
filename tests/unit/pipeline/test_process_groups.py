"""A child's process group: it ends with the child, and nothing is signalled that may not be ours any more."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dr.errors import PipelineError
from dr.pipeline.process import Child, run


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _soon(condition: Callable[[], bool], seconds: float = 3) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def _first_line(child: Child) -> str:
    return child.stdout.readline().decode().strip()


def test_a_deadline_kills_the_whole_group(tmp_path):
    """Also what the child has started."""
    script = "sleep 60 & echo $!; wait"
    with Child("step", ("sh", "-c", script), stdout=subprocess.PIPE) as child:
        grandchild = int(_first_line(child))
        begin = time.monotonic()
        ended = child.wait(0.2)

    assert ended.status == -signal.SIGKILL
    assert time.monotonic() - begin < 5
    assert _soon(lambda: not _alive(grandchild))


def test_a_short_command_has_its_deadline_even_if_a_grandchild_holds_its_output():
    """The shell is killed, its child must not keep us waiting."""
    begin = time.monotonic()

    ended, text = run("step", ("sh", "-c", "echo before; sleep 30; true"), deadline_seconds=0.3)

    assert not ended.ok
    assert text == "before\n"
    assert time.monotonic() - begin < 20


def test_what_a_child_has_left_running_ends_with_it():
    """A child that has ended well may have left something behind: closing ends the whole group."""
    script = "sleep 30 >/dev/null 2>&1 & echo $!"
    with Child("step", ("sh", "-c", script), stdout=subprocess.PIPE) as child:
        grandchild = int(_first_line(child))
        child.wait(10)
    try:
        assert _soon(lambda: not _alive(grandchild), seconds=1)
    finally:
        if _alive(grandchild):
            os.kill(grandchild, signal.SIGKILL)


@pytest.mark.parametrize("ask", ["wait", "poll"])
def test_what_a_child_has_left_running_ends_when_its_end_is_noticed(ask):
    """Before the child is reaped, while its group's number is surely its own."""
    with Child("step", ("sh", "-c", "sleep 30 >/dev/null 2>&1 & echo $!"), stdout=subprocess.PIPE) as child:
        grandchild = int(_first_line(child))
        try:
            assert _soon(lambda: getattr(child, ask)() is not None)
            assert _soon(lambda: not _alive(grandchild), seconds=1)
        finally:
            if _alive(grandchild):
                os.kill(grandchild, signal.SIGKILL)


def _watched(really: Callable[[int, int], None], there: list[bool]) -> Callable[[int, int], None]:
    """The same, noting whether there is a process of that number to be signalled."""

    def send(pid: int, number: int) -> None:
        there.append(Path(f"/proc/{pid}").exists())
        really(pid, number)

    return send


def test_nothing_is_signalled_once_the_child_is_reaped(monkeypatch):
    """Its pid may by then be a stranger's; every signal goes to a process that is ours, be it a zombie."""
    there = []
    for name in ("kill", "killpg"):
        monkeypatch.setattr(os, name, _watched(getattr(os, name), there))
    with Child("step", ("true",)) as child:
        child.wait(10)
        assert there == [True], "the group, before the reaping"
        child.kill_group()
        child.kill()
        child.signal(signal.SIGTERM)
    assert there == [True]

    with Child("step", ("sleep", "60")) as child:
        os.waitid(os.P_PID, child.process.pid, os.WEXITED | os.WNOHANG)
        child.kill_group()
        assert child.wait().status == -signal.SIGKILL
        child.kill_group()
    assert there == [True] * 3


def test_a_child_that_somebody_else_has_reaped_is_not_signalled(monkeypatch):
    """And its end is told as unknown, not made up."""
    signalled = []
    child = Child("step", ("true",))
    os.waitpid(child.process.pid, 0)
    monkeypatch.setattr(os, "killpg", lambda *told: signalled.append(told))

    with pytest.raises(PipelineError, match="reaped by somebody else"):
        child.kill()
    assert signalled == []


def test_many_threads_may_wait_for_and_kill_one_child():
    """Each gets the same exit, whoever reaps."""
    for _ in range(10):
        with Child("step", ("sleep", "60")) as child:
            with ThreadPoolExecutor(5) as threads:
                exits = [threads.submit(child.wait, 10) for _ in range(3)]
                for _ in range(2):
                    threads.submit(child.kill_group)
            assert [told.result().status for told in exits] == [-signal.SIGKILL] * 3
