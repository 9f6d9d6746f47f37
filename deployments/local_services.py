"""The demo's services outlive whoever started them, and may have been started from any terminal: without our mark.

They are found by what their supervisors have written down, and ended with them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from dr.errors import ServiceError
from dr.services.process.files import TOLD, Process, read_told

_STEPS = ((signal.SIGTERM, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
"""In order; killing what does not end; and the supervisor itself, with which the kernel kills its command."""


def end_services(demo_directory: Path) -> int:
    """End every service of the demo in that directory; how many there were."""
    found = [process for process in _supervisors(demo_directory) if process.alive]
    for number, seconds in _STEPS:
        left = [process for process in found if process.alive]
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)
        if _gone(left, seconds):
            break
    return len(found)


def _supervisors(demo_directory: Path) -> Iterator[Process]:
    for file in sorted(demo_directory.glob(f"state/services/*/*/{TOLD}")):
        with contextlib.suppress(ServiceError):  # cut off by a full disk: nothing is known of it
            told = read_told(file.parent)
            if told is not None:
                yield told.supervisor


def _gone(processes: Sequence[Process], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while any(process.alive for process in processes):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True
