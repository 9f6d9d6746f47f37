"""Which processes of this machine have to do with a directory."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path


def processes_about(*paths: Path) -> list[str]:
    """Command lines of processes other than ours that name one of the paths there or in their environment."""
    wanted = [os.fsencode(path) for path in paths]
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            line = (entry / "cmdline").read_bytes()
            if any(path in line or path in (entry / "environ").read_bytes() for path in wanted):
                found.append(f"{entry.name} {line.replace(bytes(1), b' ').decode(errors='replace')}")
    return found


def gone(*paths: Path, within_seconds: float) -> list[str]:
    """Wait until nothing about the paths runs any more; what still runs after that time."""
    deadline = time.monotonic() + within_seconds
    while (left := processes_about(*paths)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left
