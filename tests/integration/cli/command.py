"""Running ``dr`` as operators do: a process of its own, judged by its exit code, its two streams and what it leaves."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ARGV = (sys.executable, "-m", "dr.cli")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def document(self) -> dict[str, Any]:
        """Standard output as the one JSON document that ``--json`` promises."""
        loaded = json.loads(self.out)
        assert isinstance(loaded, dict)
        return loaded


@dataclass(frozen=True, slots=True)
class Dr:
    """The command line with an environment, begun in ``directory``."""

    environment: Mapping[str, str]
    directory: Path

    def __call__(self, *arguments: str, **variables: str) -> Ended:
        """Run to the end; nobody is there to be asked."""
        begin = time.monotonic()
        done = subprocess.run(
            [*ARGV, *arguments],
            env={**self.environment, **variables},
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr, time.monotonic() - begin)

    def asked(self, answer: str, *arguments: str) -> Ended:
        """Run to the end with a terminal for standard input, at which ``answer`` is typed."""
        ours, theirs = pty.openpty()
        try:
            process = subprocess.Popen(
                [*ARGV, *arguments],
                env=dict(self.environment),
                cwd=self.directory,
                stdin=theirs,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            os.write(ours, answer.encode())
            return finished(process)
        finally:
            os.close(theirs)
            os.close(ours)

    @contextmanager
    def begun(self, *arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
        """A running command; killed at the end if it still runs."""
        process = subprocess.Popen(
            [*ARGV, *arguments],
            env={**self.environment, **variables},
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()


def finished(process: subprocess.Popen[str], timeout: float = 60) -> Ended:
    """Wait for the end of a command begun before."""
    out, err = process.communicate(timeout=timeout)
    return Ended(process.returncode, out, err, 0.0)


def descendants(pid: int) -> dict[int, Sequence[str]]:
    """The command lines of all children and children's children that are alive, from /proc."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            parent = _parent(int(entry.name))
            if parent:
                parents.setdefault(parent, []).append(int(entry.name))
    found: dict[int, Sequence[str]] = {}
    waiting = [pid]
    while waiting:
        for child in parents.get(waiting.pop(), ()):
            found[child] = command_line(child)
            waiting.append(child)
    return found


def command_line(pid: int) -> Sequence[str]:
    """A process's arguments; empty when it has gone."""
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ()


def is_alive(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _parent(pid: int) -> int:
    try:
        return int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Wait for something to become true; fail naming it."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.02)


def send(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """A signal to the command alone, as a supervisor sends it."""
    os.kill(process.pid, number)
