"""Going back to the release before, where the newest one is the fault; and forward again, where it was not."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from dr.configuration.model import System
from dr.errors import ServiceError
from dr.operations.application.look import look_at_services
from dr.operations.application.parts import application_order, data_services
from dr.policy.service_order import Layers, needed_by, only
from dr.services.protocol import State
from dr.services.registry import service

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Older:
    """A service that could go back, from ``current`` to ``previous``."""

    service: str
    current: str
    previous: str


def older_releases(system: System) -> tuple[Older, ...]:
    """Which of the application's services have a release before the one that runs, in the order of their start."""
    found = []
    for layer in application_order(system):
        for name in layer:
            item = service(system, name)
            if previous := item.previous_release():
                found.append(Older(name, item.current_release(), previous))
    return tuple(found)


def at_fault(system: System, older: tuple[Older, ...]) -> tuple[Older, ...]:
    """Those of ``older`` whose release may be the fault; none where something else is.

    No release is the fault of a database or Redis that does not run, nor of another service that does not. Where all
    run and the application is not healthy, each of them may be.
    """
    states = {item.service: item.state for item in look_at_services(system)}
    recovery = system.procedures.recovery
    after = {item.name: item.after for item in system.procedures.services}
    needed = needed_by(after, {item.service for item in older}) & data_services(system)
    needed |= {name for name in (recovery.database_service, recovery.redis_service) if name}
    if missing := sorted(name for name in needed if states.get(name) is not State.RUNNING):
        logger.warning("no release is gone back from: %s does not run", ", ".join(missing))
        return ()
    failing = {name for layer in application_order(system) for name in layer if states[name] is not State.RUNNING}
    found = tuple(item for item in older if item.service in failing or not failing)
    if older and not found:
        logger.warning("no release is gone back from: what fails is %s", ", ".join(sorted(failing)))
    return found


def roll_back(system: System, older: tuple[Older, ...]) -> tuple[str, ...]:
    """Lead each of these back, those that others need first; what each runs now, as ``SERVICE: RELEASE``.

    Raises ``ServiceError`` when one of them does not start with that either.
    """
    seconds = system.procedures.application.start_seconds
    to = {item.service: item.previous for item in older}
    return tuple(
        f"{name}: {service(system, name).roll_back(to[name], seconds)}"
        for layer in _in_order(system, older)
        for name in layer
    )


def return_to_newest(system: System, older: tuple[Older, ...]) -> None:
    """Lead each of these to where it was before ``roll_back``. All are; then the first failure is raised."""
    seconds = system.procedures.application.start_seconds
    newest = {item.service: item.current for item in older}
    failures = []
    for layer in _in_order(system, older):
        for name in layer:
            try:
                service(system, name).roll_back(newest[name], seconds)
            except ServiceError as error:
                failures.append(error)
    if failures:
        for other in failures[1:]:
            failures[0].add_note(f"and: {other}")
        raise failures[0]


def _in_order(system: System, older: tuple[Older, ...]) -> Layers:
    return only(application_order(system), {item.service for item in older})
