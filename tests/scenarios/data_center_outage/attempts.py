"""Run a procedure, kill it in the midst of each step in turn, and let the last attempt go to its end.

Run as ``python -m tests.scenarios.data_center_outage.attempts FLOW JOURNALS [NAME=VALUE ...]``. Every attempt is a
process of its own that dies by SIGKILL as soon as the journal says that a step has begun in which no attempt was killed
yet: in the midst of it, or right behind one that takes no time. The answer on standard output is JSON: the steps that
were killed, and how the last attempt ended.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from dr.errors import DrError, StoreError
from dr.evidence.journal import read_journal
from dr.operations.repositories import open_repository
from tasks.runner import last_record
from tasks.systems import load_system

SPARED = (
    ()
    if sys.argv[1:2] == ["region_failover"]
    else (
        "plan the traffic",
        "wait until it is level",
        "begin the application",
        "switch the traffic",
        "verify the first region",
        "keep its WAL",
    )
)
"""Steps of the way back that are the failover's too, where they are killed: not twice."""


def main() -> int:
    """Attempt after attempt."""
    name, journals = sys.argv[1], Path(sys.argv[2])
    parameters = dict(word.split("=", 1) for word in sys.argv[3:])
    procedure = getattr(importlib.import_module(f"flows.{name}"), name)
    for store in open_repository(load_system(parameters["system"], require_postgres=False)).stores.values():
        with suppress(StoreError):
            store.head("what takes long to load is loaded once")
    killed: list[str] = []
    answer = journals.parent / f"{name}.answer.json"
    while True:
        child = os.fork()
        if child == 0:
            os.setsid()
            try:
                procedure(**parameters)
            except DrError as error:
                sys.stderr.write(f"{error}\n")
                os._exit(error.exit_code)
            answer.write_text(json.dumps(tables_of_run()))
            os._exit(0)
        step, status = _watch(child, journals, name, killed)
        if not step:
            break
        killed.append(step)
    tables = json.loads(answer.read_text()) if answer.exists() else {}
    sys.stdout.write(json.dumps({"killed": killed, "status": os.waitstatus_to_exitcode(status), "tables": tables}))
    return 0


def tables_of_run() -> dict[str, object]:
    """What the run of this process has published."""
    record = last_record()
    return {item.key: [dict(row) for row in item.rows] for item in record.artifacts} if record is not None else {}


def _watch(child: int, journals: Path, name: str, killed: list[str]) -> tuple[str, int]:
    """Kill the child in the next step; the step, or its status where it came to its end."""
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return "", status
        step = next((one for one in _begun(journals, name) if one not in (*killed, *SPARED)), "")
        if step:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return step, 0
        time.sleep(0.002)


def _begun(journals: Path, name: str) -> list[str]:
    """The steps that any attempt has begun, in their order, by the newest journal."""
    found = sorted(journals.glob(f"{name.replace('_', '-')}_*"))
    events = read_journal(found[-1]) if found else ()
    return list(dict.fromkeys(event.step for event in events if event.what == "begin"))


if __name__ == "__main__":
    sys.exit(main())
