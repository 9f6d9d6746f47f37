"""The power switch of the demo's regions: what ``region.fence_command`` runs to be certain that a server is off.

``python -m dr.demo.power PRIMARY STANDBY`` gets the directories in which the supervisors of both servers' services
keep their state, and switches off the one that ``DR_FENCE`` names. Exit status 0 only when nothing of it runs.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from dr.errors import ServiceError
from dr.pipeline.process_table import session_members
from dr.services.process.files import Process, read_told

_SIDES = ("primary", "standby")
_GONE_SECONDS = 10.0


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """The exit status."""
    places = dict(zip(_SIDES, argv, strict=True))
    place = places.get(environ.get("DR_FENCE", ""))
    if place is None:
        sys.stderr.write("DR_FENCE names neither primary nor standby\n")
        return 2
    try:
        told = read_told(Path(place))
    except ServiceError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if told is None:
        sys.stderr.write(f"nothing was ever started from {place}: that proves nothing\n")
        return 1
    # The supervisor first, or it would start the server again.
    processes = [told.supervisor, *((told.child,) if told.child is not None else ())]
    if not all(_off(process) for process in processes):
        sys.stderr.write("it does not end\n")
        return 1
    sys.stdout.write(f"no process of {Path(place).name} is left\n")
    return 0


def _off(process: Process) -> bool:
    until = time.monotonic() + _GONE_SECONDS
    while left := [*session_members(process.pid, process.start), *((process.pid,) if process.alive else ())]:
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
