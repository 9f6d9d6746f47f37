"""A procedure of toy steps, as a program: each writes down that it was called, and where it was asked to, fails.

``python -m tests.unit.tasks.toy_course DIRECTORY [--anew]``; ``FAILING`` in its environment names steps that fail, and
``WISH`` is what was asked for.
"""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import tests.unit.tasks.killed_at  # noqa: F401 - for its effect
from dr.configuration.model import EncryptionSettings, PostgresSettings, System
from dr.errors import DrError, RecoveryFailed
from dr.secret import Secret
from tasks.course import Step, course
from tasks.runner import flow, task

BESIDE = ("uploads", "redis", "code")
EVERY = ("choose", *BESIDE, "start")


@dataclass(frozen=True, slots=True)
class Done:
    """What a toy step gives."""

    step: str
    process: int


@task(name="a toy")
def toy(directory: str, step: str) -> Done:
    """Leave a line; fail where that is asked for."""
    with Path(directory, "calls").open("a") as stream:
        stream.write(f"{step} {threading.current_thread() is threading.main_thread()}\n")
    if step in os.environ.get("FAILING", "").split():
        raise RecoveryFailed(f"{step} failed")
    return Done(step, os.getpid())


@flow(name="toy-course")
def toy_course(directory: str, going_on: bool = False, anew: bool = False) -> tuple[Done, ...]:
    """One step, three beside each other, and one."""
    system = System(
        name="toy", postgres=PostgresSettings(Secret("")), stores=(), encryption=EncryptionSettings(recipients=("A",))
    )
    system = replace(system, state_directory=Path(directory))
    with course(system, "toy-course", {"wish": os.environ.get("WISH", "one")}, anew=anew) as steps:
        chosen = steps.step("choose", toy, directory, "choose")
        beside = [Step(name, toy, (directory, name)) for name in BESIDE]
        done = steps.as_far_as_possible(beside)[0] if going_on else steps.together(beside)
        return (chosen, *done.values(), steps.step("start", toy, directory, "start"))


def main() -> int:
    """The names of what was done, or the error and its notes."""
    try:
        done = toy_course(sys.argv[1], "--going-on" in sys.argv, "--anew" in sys.argv)
    except DrError as error:
        sys.stderr.write("\n".join((str(error), *getattr(error, "__notes__", ()))))
        return error.exit_code
    sys.stdout.write(" ".join(item.step for item in done))
    return 0


if __name__ == "__main__":
    sys.exit(main())
