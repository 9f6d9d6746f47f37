"""Looking at the processes of this machine: which is which, whose child, which carries our mark.

By ``/proc`` where there is one, else by ``ps``.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_STATE, _PARENT, _BEGUN = 0, 1, 19


@dataclass(frozen=True, slots=True)
class Process:
    """A process, told by when it began from a later one with the same pid."""

    pid: int
    begun: str

    @property
    def alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        return bool(self.begun) and process(self.pid) == self

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless it is gone."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def process(pid: int) -> Process:
    """The process of that pid, as it is now; ``begun`` is empty when there is none."""
    if not _PROC.is_dir():
        status, _, begun = _ps("-o", "stat=,lstart=", "-p", str(pid)).strip().partition(" ")
        return Process(pid, "" if status.startswith("Z") else begun.strip())
    fields = _stat(pid)
    if not fields or fields[_STATE] in "ZX":
        return Process(pid, "")
    boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return Process(pid, f"{boot} {fields[_BEGUN]}")


def children_of(parent: int) -> tuple[Process, ...]:
    """The living children of a process."""
    if not _PROC.is_dir():
        rows = (line.split() for line in _ps("-A", "-o", "pid=,ppid=").splitlines())
        found = [int(pid) for pid, of in rows if int(of) == parent]
    else:
        found = [pid for pid in _pids() if (fields := _stat(pid)) and int(fields[_PARENT]) == parent]
    return tuple(child for child in map(process, found) if child.begun)


def carrying(name: str, value: str) -> tuple[Process, ...]:
    """The processes, this one excepted, that began with ``name=value`` in their environment. Only by ``/proc``."""
    wanted = f"{name}={value}".encode()
    found = []
    for pid in _pids():
        with contextlib.suppress(OSError):
            if pid != os.getpid() and wanted in (_PROC / str(pid) / "environ").read_bytes().split(b"\0"):
                found.append(process(pid))
    return tuple(found)


def wait_until_gone(processes: Iterable[Process], seconds: float) -> bool:
    """Whether all of them are gone within that time."""
    until = time.monotonic() + seconds
    left = list(processes)
    while left := [one for one in left if one.alive]:
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
        for one in left:  # our own children among them stay until they are waited for; others' are not ours to reap
            with contextlib.suppress(ChildProcessError):
                os.waitpid(one.pid, os.WNOHANG)
    return True


def end_all(processes: Sequence[Process], patience_seconds: float) -> bool:
    """Ask them to end, and make those that do not; whether all did as they were asked."""
    for one in processes:
        one.send(signal.SIGTERM)
    if wait_until_gone(processes, patience_seconds):
        return True
    for one in processes:
        one.send(signal.SIGKILL)
    wait_until_gone(processes, patience_seconds)
    return False


def _pids() -> list[int]:
    return [int(entry.name) for entry in _PROC.glob("[0-9]*")]


def _stat(pid: int) -> list[str]:
    """The fields after the name, which stands in parentheses and may hold spaces and parentheses itself."""
    try:
        return (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _ps(*arguments: str) -> str:
    return subprocess.run(("ps", *arguments), capture_output=True, text=True, check=False).stdout
