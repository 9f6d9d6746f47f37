"""A flow that destroys a file, after somebody has agreed; the tests run it, without Prefect in a process of its own.

``python -m tests.prefect.approval_flow FILE [TYPED]``. It ends with the error's exit code.
"""

from __future__ import annotations

import sys
from pathlib import Path

from dr.errors import DrError
from dr.policy.objectives import Scenario
from tasks.approval import approved
from tasks.incident import incident
from tasks.runner import flow, task


@task(name="destroy")
def destroy(file: str) -> None:
    """What must not happen unasked."""
    Path(file).unlink()


@flow(name="destroying")
def destroying(file: str, system: str = "", confirm_name: str = "") -> str:
    """Ask, then destroy."""
    with incident(system, Scenario.DATABASE_CORRUPTION, "the test's disaster") as record:
        given = approved(system, f"destroy {Path(file).name}", f"* removes `{file}`", typed=confirm_name)
        record.decision("the file is not wanted any more")
        destroy(file)
    return given.by


if __name__ == "__main__":
    try:
        destroying(sys.argv[1], confirm_name=(*sys.argv[2:], "")[0])
    except DrError as error:
        sys.stdout.write(f"{error}\n")
        sys.exit(error.exit_code)
