"""One full recovery in many processes: each dies of SIGKILL at the next event, and the one after it goes on.

``python -m tests.scenarios.failure_mid_recovery.killed_series SYSTEM EVENT...``; an event may have ``+SECONDS`` behind
it, to die in the midst of the step. The processes are forked from one that has loaded everything already. Prints a line
of JSON per process: how it ended; the last one also what it achieved.
"""

from __future__ import annotations

import json
import os
import sys
import traceback

from dr.configuration import load
from dr.evidence.full_outcome import FullOutcome
from flows.full_recovery import full_recovery
from tests.unit.tasks.killed_at import LATER, VARIABLE


def attempt(system: str, event: str) -> int:
    """The wait status of a process that recovers, and dies at the event."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.environ[VARIABLE], _, later = event.partition("+")
    os.environ[LATER] = later or "0"
    code = 1
    try:
        outcome = full_recovery(system=system, confirm_name=system)
        assert isinstance(outcome, FullOutcome)
        told = {"outcome": outcome.run, "resumed": outcome.resumed, "rto_seconds": outcome.verdict.rto_seconds}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it was, this process ends here
        traceback.print_exc()
    finally:
        os._exit(code)


def main() -> int:
    """Every event, then once without."""
    system, *events = sys.argv[1:]
    load(system, require_postgres=False)
    for event in (*events, ""):
        sys.stdout.write(json.dumps({"event": event, "code": attempt(system, event)}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
