"""A recovery of nothing, within an incident; the tests run it in processes of its own, and kill some.

``python -m tests.integration.incident.flow NOTES [hang|fail|drill]``.
"""

from __future__ import annotations

import sys
import time

from dr.errors import DrError, StoreUnavailable
from dr.policy.objectives import Scenario
from tasks.evidence import keep
from tasks.incident import incident
from tasks.runner import flow, task

_TRIES: list[int] = []


@task(name="second time lucky", retries=1, retry_base_seconds=0.01)
def second_time_lucky() -> int:
    """Fails once, as a store does that is away for a moment."""
    _TRIES.append(1)
    if len(_TRIES) == 1:
        raise StoreUnavailable("the store is away")
    return len(_TRIES)


@task(name="end it")
def end_it(how: str) -> None:
    """Well, badly, or never."""
    if how == "fail":
        raise DrError("this cannot be done", hint="Do something else.")
    while how == "hang":
        time.sleep(0.1)


@flow(name="recovering", when_done=keep)
def recovering(system: str = "", notes: int = 1, how: str = "") -> None:
    """Note something, and end as it was told."""
    with incident(system, Scenario.DATABASE_CORRUPTION, "pages are gone") as record:
        for number in range(notes):
            record.note(f"note {number} of {record.id}")
        second_time_lucky()
        end_it(how)


@flow(name="drilling", when_done=keep)
def drilling(system: str = "", notes: int = 1) -> None:
    """The same within a drill."""
    with incident(system, Scenario.DATABASE_CORRUPTION, "a drill", drill=True, close=True):
        recovering(system, notes)


if __name__ == "__main__":
    try:
        if (how := (*sys.argv[2:], "")[0]) == "drill":
            drilling(notes=int(sys.argv[1]))
        else:
            recovering(notes=int(sys.argv[1]), how=how)
    except DrError as error:
        sys.exit(error.exit_code)
