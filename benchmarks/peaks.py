"""Peak memory of a process and of everything it started, by program.

The kernel's own account of ended children (``getrusage``) counts a child at the size its parent had at the fork, so
their high-water marks are read while they run.
"""

from __future__ import annotations

import contextlib
import re
import threading
from pathlib import Path

_EVERY_SECONDS = 0.1
_NAME = re.compile(r"^Name:\s*(.+)$", re.MULTILINE)
_PEAK = re.compile(r"^VmHWM:\s*(\d+) kB$", re.MULTILINE)


def peak_of(pid: int | str = "self") -> tuple[str, int]:
    """Name and high-water mark (bytes) of one process; 0 for one that has gone."""
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
        name, peak = _NAME.search(text), _PEAK.search(text)
        if name is not None and peak is not None:
            return name[1], int(peak[1]) * 1024
    return "", 0


def descendants(pid: int) -> list[int]:
    """Children, their children, and so on."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                for child in task.joinpath("children").read_text(encoding="ascii").split():
                    found += [int(child), *descendants(int(child))]
    return found


class Watch:
    """Samples the descendants of a process until left; ``peaks`` is bytes of the largest process of each program."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="peaks")
        self.peaks: dict[str, int] = {}

    def _run(self) -> None:
        while not self._stop.wait(_EVERY_SECONDS):
            for pid in descendants(self._pid):
                name, peak = peak_of(pid)
                if peak > self.peaks.get(name, 0):
                    self.peaks[name] = peak

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()
