"""A procedure whose steps are kept in a journal: after a crash the next run goes on where this one was.

The journal lies on this host, below the state directory, so that it needs neither the stores nor Prefect. What a step
returns is kept in it, without secrets; a step that ended is not called again.
"""

from __future__ import annotations

import contextvars
import inspect
import logging
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from dr.configuration.model import System
from dr.errors import DrError
from dr.evidence.journal import Journal, Opening, open_journal, supersede
from dr.pipeline.process import end_children_of_threads
from tasks.runner import current_run

R = TypeVar("R")
AT_ONCE = 4

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """One of several steps that go on beside each other. ``action`` is a task, called with ``arguments``."""

    name: str
    action: Callable[..., Any]
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Course:
    """The steps of one run of a procedure, and of the runs before it that were cut off."""

    journal: Journal

    def step(self, name: str, action: Callable[..., R], *arguments: Any) -> R:
        """Do a step, or give back what it gave when it was done. ``action`` is a task with an annotated result."""
        kind = _result_kind(action)
        if self.journal.is_done(name):
            logger.info("%s: done already by an earlier run", name)
        return self.journal.do(name, lambda: action(*arguments), kind)

    def anew(self, name: str, action: Callable[..., R], *arguments: Any) -> R:
        """Do a step, also when an earlier run has done it: what that one saw may not hold any more."""
        return self.journal.do(name, lambda: action(*arguments), _result_kind(action), anew=True)

    def earlier(self, name: str, action: Callable[..., R]) -> R | None:
        """What a step gave in an earlier run; None where it has not ended."""
        if not self.journal.is_done(name):
            return None
        return cast("R", self.journal.result(name, _result_kind(action)))

    def together(self, steps: Sequence[Step]) -> dict[str, Any]:
        """Do several steps beside each other; results by name. One that fails lets the others end.

        Then the first failure, in the order of ``steps``, is raised; the others are its notes. Interrupted: the child
        processes of all of them are ended first.
        """
        done, failed = self.as_far_as_possible(steps)
        if failed:
            first, *others = failed
            for name in others:
                failed[first].add_note(f"and {name}: {failed[name]}")
            raise failed[first]
        return done

    def as_far_as_possible(self, steps: Sequence[Step]) -> tuple[dict[str, Any], dict[str, DrError]]:
        """The same, where a step that fails does not stop the procedure: what the others gave, and the errors, by name.

        What is no ``DrError`` is a defect of ours or an interruption, and raised.
        """
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="step") as pool:
            running = {step.name: pool.submit(contextvars.copy_context().run, self._one, step) for step in steps}
            try:
                wait(running.values())
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                end_children_of_threads()
                raise
        done: dict[str, Any] = {}
        failed: dict[str, DrError] = {}
        for name, future in running.items():
            error = future.exception()
            if error is None:
                done[name] = future.result()
            elif isinstance(error, DrError):
                failed[name] = error
            else:
                raise error
        return done, failed

    def _one(self, step: Step) -> Any:
        return self.step(step.name, step.action, *step.arguments)


@contextmanager
def course(system: System, procedure: str, parameters: Mapping[str, str], *, anew: bool = False) -> Iterator[Course]:
    """Everything inside is one procedure; closed in its journal when it ends well, otherwise to be resumed.

    ``parameters`` are what was asked for: only a run with the same goes on with an unfinished one.
    """
    opening = Opening(procedure, system.name, dict(parameters))
    with open_journal(place_of(system), opening, run=current_run().id, anew=anew) as journal:
        if journal.resumed:
            logger.warning(
                "going on with %s, which began at %s", journal.name, f"{journal.begun_at:%Y-%m-%d %H:%M:%S}Z"
            )
        yield Course(journal)
        # Whatever was cut off before is of yesterday now, by whatever words it had been asked for. It is closed first:
        # who dies in between goes on with this one, and nobody with that.
        supersede(place_of(system), procedure, system.name, f"by {journal.name}", but=journal.name)
        journal.close()


def give_up(system: System, procedure: str, steps: Course) -> None:
    """Close what was cut off of another procedure, which this one overtakes: gone on with later it would undo it."""
    for name in supersede(place_of(system), procedure, system.name, f"by {steps.journal.name}"):
        logger.warning("%s was cut off, and is not gone on with any more", name)
        steps.journal.note(f"{name} is not gone on with any more")


def place_of(system: System) -> Path:
    """Where this host keeps the journals of a system's procedures."""
    return system.state_directory / "procedures" / system.name


def _result_kind(action: Callable[..., Any]) -> Any:
    return typing.get_type_hints(inspect.unwrap(action)).get("return", type(None))
