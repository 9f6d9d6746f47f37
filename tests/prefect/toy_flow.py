"""A procedure with every kind of step, for both runners. Run as a program it prints its record."""

from __future__ import annotations

import logging
import sys
import time
from typing import Literal

import msgspec

from dr.errors import DrError, KeyUnusable, StepTimedOut, StoreUnavailable
from dr.progress import reporter
from tasks.runner import current_run, flow, last_record, publish_markdown, publish_table, task

logger = logging.getLogger("dr.toy")
attempts: list[str] = []


@task(name="count")
def count(number: int) -> int:
    """A step that works, and says so."""
    logger.info("counted %d at postgresql://app:%s@db/main", number, "hunter2")
    bytes_moved = reporter()
    bytes_moved.begin("copy", 10)
    bytes_moved.advance("copy", 10)
    bytes_moved.end("copy")
    return number + 1


@task(name="flaky", retries=3)
def flaky() -> str:
    """Fails twice in a way that may pass."""
    attempts.append("flaky")
    if len(attempts) % 3:
        raise StoreUnavailable("the store does not answer", detail="connection refused", hint="Wait.")
    return "passed"


@task(name="slow", retries=3, timeout_seconds=0.2)
def slow() -> None:
    """Never done in time."""
    time.sleep(10)


@task(name="permanent", retries=3)
def permanent() -> None:
    """Fails in a way that stays."""
    raise KeyUnusable("the key does not open the object", hint="Use another key.")


@task(name="interrupted", retries=3)
def interrupted() -> None:
    """Ctrl-C arrives."""
    raise KeyboardInterrupt


@flow(name="toy-parity", flow_run_name="toy-{system}")
def toy(system: str, kind: Literal["dump", "base"] = "dump", tables: list[str] = [], label: str | None = None) -> str:  # noqa: B006 - a form shows a list
    """Every kind of step, then the failure that ends it."""
    publish_markdown("who", f"{system} {kind} by {current_run().runner}", "Who ran.")
    publish_table("phases", [{"phase": flaky(), "seconds": count(1), "label": label, "tables": tables}], "Phases.")
    try:
        slow()
    except StepTimedOut as error:
        logger.warning("as expected: %s", error.message)
    permanent()
    return "never"


@flow(name="toy-interrupted")
def stopped() -> None:
    """Ends by Ctrl-C."""
    interrupted()


def main() -> int:
    """Run it and print the record."""
    try:
        toy("main", tables=["users"])
    except DrError as error:
        sys.stdout.write(msgspec.json.encode(last_record()).decode())
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
