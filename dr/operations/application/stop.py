"""Stop the application: each service before those it needs."""

from __future__ import annotations

from collections.abc import Collection

from dr.configuration.model import System
from dr.operations.application.look import LOOK_SECONDS
from dr.operations.application.parts import application_order
from dr.operations.application.together import each
from dr.policy.service_order import Layers
from dr.services.protocol import Status
from dr.services.registry import service


def stop_application(system: System) -> tuple[Status, ...]:
    """Stop every service but the data's own, in reverse order; how they are then. Raises ``ServiceError``."""
    return stop_services(system, application_order(system))


def stop_services(system: System, order: Layers) -> tuple[Status, ...]:
    """Stop these, the last layer first; within a layer beside each other."""
    seconds = system.procedures.application.stop_seconds
    for layer in reversed(order):
        each([service(system, name) for name in layer], lambda item: item.stop(seconds))
    return statuses(system, [name for layer in order for name in layer])


def statuses(system: System, names: Collection[str]) -> tuple[Status, ...]:
    """How each of these is now."""
    return tuple(service(system, name).status(LOOK_SECONDS) for name in names)
