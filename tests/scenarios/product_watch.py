"""Ends the supervised services of a directory when whoever began this is gone, however that one ended.

Run as ``python -m tests.scenarios.product_watch DIRECTORY``; it waits for the end of its standard input. Supervisors
outlive their caller on purpose: without this a killed test run would leave a whole product behind.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from dr.services.process.files import TOLD, read_told


def end_all(directory: Path) -> None:
    """Kill every supervisor that has its files somewhere below; the kernel kills what it supervised."""
    for file in directory.rglob(TOLD):
        told = read_told(file.parent)
        for process in (told.supervisor, told.child) if told is not None else ():
            if process is not None and process.alive:
                os.kill(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: None)
    sys.stdin.buffer.read()
    end_all(Path(sys.argv[1]))
