"""The first region's power switch: ``python -m tests.scenarios.data_center_outage.power DATA_DIRECTORY``.

What an operator's fence command does: it ends the server at once and answers 0 only when it has seen it gone. For the
second region's server it answers 3.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path


def _runs(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def main() -> int:
    """The exit status: 0 when the server is gone."""
    if os.environ.get("DR_FENCE") != "primary":
        return 3
    try:
        pid = int((Path(sys.argv[1]) / "postmaster.pid").read_text().split("\n", 1)[0])
    except FileNotFoundError:
        return 0
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while _runs(pid):
        if time.monotonic() > deadline:
            return 1
        time.sleep(0.02)
    sys.stdout.write(f"process {pid} is gone\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
