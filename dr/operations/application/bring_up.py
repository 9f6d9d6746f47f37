"""One attempt to bring the application back: stop, start, wait until it is healthy. A failure is its answer."""

from __future__ import annotations

import logging

from dr.configuration.model import System
from dr.errors import ServiceError, ToolError
from dr.evidence.application_outcome import Attempt
from dr.evidence.phases import Stopwatch
from dr.operations.application.health import wait_until_healthy
from dr.operations.application.look import look_at_services
from dr.operations.application.plan import seen
from dr.operations.application.roll_back import Older, return_to_newest, roll_back
from dr.operations.application.start import start_services
from dr.operations.application.stop import stop_services
from dr.policy.application_plan import Restart, widened
from dr.services.registry import order

logger = logging.getLogger(__name__)


def restart(system: System, wanted: Restart, what: str = "restarted") -> Attempt:
    """Stop these services, start them, and wait. A service that does not come is told in the attempt, not raised."""
    stopwatch, problem = Stopwatch(), ""
    try:
        with stopwatch.phase("stop"):
            stop_services(system, wanted.order)
        with stopwatch.phase("start"):
            start_services(system, wanted.order)
        with stopwatch.phase("wait until healthy"):
            wait_until_healthy(system)
    except (ServiceError, ToolError) as error:
        problem = told(error)
    return Attempt(what, tuple(item.name for item in wanted.services), stopwatch.phases, problem)


def restart_everything(system: System, done: Restart) -> Attempt | None:
    """The same with every service of the application; None where ``done`` was that already."""
    wider = widened(seen(system, look_at_services(system)), order(system), done)
    return None if wider.nothing else restart(system, wider, "restarted all of the application")


def go_back(system: System, older: tuple[Older, ...]) -> Attempt:
    """Go back to the releases before, and wait."""
    names = ", ".join(f"{item.service} from {item.current} to {item.previous}" for item in older)
    logger.warning("the newest release does not come: going back with %s", names)
    stopwatch, problem, now = Stopwatch(), "", tuple[str, ...]()
    try:
        with stopwatch.phase("roll back"):
            now = roll_back(system, older)
        with stopwatch.phase("wait until healthy"):
            wait_until_healthy(system)
    except (ServiceError, ToolError) as error:
        problem = told(error)
    return Attempt("rolled back", tuple(item.service for item in older), stopwatch.phases, problem, now)


def go_forward(system: System, older: tuple[Older, ...]) -> Attempt:
    """Return to the newest releases, for an older one did not help; and wait."""
    names = ", ".join(f"{item.service} to {item.current}" for item in older)
    logger.warning("the release before does not help: returning with %s", names)
    stopwatch, problem = Stopwatch(), ""
    try:
        with stopwatch.phase("return to the newest"):
            return_to_newest(system, older)
        with stopwatch.phase("wait until healthy"):
            wait_until_healthy(system)
    except (ServiceError, ToolError) as error:
        problem = told(error)
    return Attempt("returned to the newest release", tuple(item.service for item in older), stopwatch.phases, problem)


def told(error: ServiceError | ToolError) -> str:
    """An error with its detail and its notes, as text that a journal keeps."""
    notes = getattr(error, "__notes__", ())
    return "\n".join([error.message, *([error.detail] if error.detail else []), *notes])
