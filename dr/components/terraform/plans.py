"""A plan for each workspace: does what is deployed still look as the code and the state say?

The plan takes no lock: were it killed, a lock would stay in the backend and keep everybody out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dr.components.terraform.drift import Drift, parse_plan
from dr.components.terraform.local_states import DEFAULT, STATE, WORKSPACES, Taken
from dr.components.terraform.module import Module
from dr.components.terraform.program import Program, use_local_backend
from dr.errors import SourceError


def planned(program: Program, module: Module, states: Sequence[Taken]) -> Iterator[tuple[Taken, Drift]]:
    """One for each state. What keeps a plan from being made is part of the answer."""
    try:
        if module.backend.local:
            lay_states(program, states)
        else:
            program.init()
    except SourceError as error:
        for taken in states:
            yield taken, Drift(error=error.detail or error.message)
        return
    for taken in states:
        yield taken, plan(program, taken.workspace)


def plan(program: Program, workspace: str) -> Drift:
    """What a plan of this workspace says."""
    arguments = ("plan", "-detailed-exitcode", "-input=false", "-lock=false", "-json")
    ended, output = program.run(*arguments, workspace=workspace)
    return parse_plan(ended.status, output)


def lay_states(program: Program, states: Sequence[Taken]) -> None:
    """Copies of the states, where a local backend of the copied module looks for them. Raises SourceError.

    They come after ``init``, which asks what to do with states that it finds.
    """
    use_local_backend(program.directory)
    program.init()
    for taken in states:
        path = program.directory / STATE
        if taken.workspace != DEFAULT:
            path = program.directory / WORKSPACES / taken.workspace / STATE
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(taken.data)
