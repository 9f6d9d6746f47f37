"""A procedure of sixteen steps, as a program that waits after the third until it is told to go on.

``python -m tests.scenarios.lost_prefect_server.sixteen_steps DIRECTORY``; ``FAILING`` in its environment names a step
that fails. It leaves its record, and the seconds that each step took, in the directory.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from dr.configuration.model import EncryptionSettings, PostgresSettings, System
from dr.errors import DrError, RecoveryFailed
from dr.progress import reporter
from dr.secret import Secret
from tasks.course import course
from tasks.run import RunRecord
from tasks.runner import flow, publish_table, task

STEPS = tuple(f"step-{number}" for number in range(1, 17))
PUBLISHING = ("step-5", "step-10", "step-15")
WAITING, GO, TIMES, RECORD = "waiting", "go", "times.json", "record.json"

logger = logging.getLogger("dr.toy")


@dataclass(frozen=True, slots=True)
class Done:
    """What a step gives."""

    step: str


@task(name="a step")
def a_step(step: str) -> Done:
    """Log, and move a few bytes, as every step does."""
    logger.info("doing %s", step)
    bytes_moved = reporter()
    bytes_moved.begin(step, 10)
    bytes_moved.advance(step, 10)
    bytes_moved.end(step)
    if os.environ.get("FAILING") == step:
        raise RecoveryFailed(f"{step} failed", hint="None.")
    return Done(step)


def keep(record: RunRecord) -> None:
    """As evidence is kept: on disk, whether or not Prefect knows of it."""
    Path(str(record.parameters["directory"]), RECORD).write_bytes(msgspec.json.encode(record))


@flow(name="sixteen-steps", when_done=keep)
def sixteen_steps(directory: str) -> tuple[Done, ...]:
    """Three steps, a pause in which a server may die, and thirteen more."""
    system = System(
        name="toy", postgres=PostgresSettings(Secret("")), stores=(), encryption=EncryptionSettings(recipients=("A",))
    )
    place, done, seconds = Path(directory), [], []
    with course(replace(system, state_directory=place), "sixteen-steps", {}) as steps:
        for name in STEPS:
            begin = time.monotonic()
            done.append(steps.step(name, a_step, name))
            if name in PUBLISHING:
                publish_table(f"after-{name}", [{"step": name}], "What a step tells.")
            seconds.append(time.monotonic() - begin)
            if name == STEPS[2]:
                (place / WAITING).touch()
                while not (place / GO).exists():
                    time.sleep(0.02)
    (place / TIMES).write_bytes(msgspec.json.encode(seconds))
    return tuple(done)


def main() -> int:
    """How many steps were done, or the error."""
    try:
        done = sixteen_steps(sys.argv[1])
    except DrError as error:
        sys.stdout.write(str(error))
        return error.exit_code
    sys.stdout.write(f"{len(done)} steps done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
