"""Start the application: each service after those it needs."""

from __future__ import annotations

from dr.configuration.model import System
from dr.operations.application.parts import application_order
from dr.operations.application.stop import statuses
from dr.operations.application.together import each
from dr.policy.service_order import Layers
from dr.services.protocol import Status
from dr.services.registry import service


def start_application(system: System) -> tuple[Status, ...]:
    """Start every service but the data's own, in order; how they are then. Raises ``ServiceError``.

    They run then; whether the application answers is for ``wait_until_healthy``.
    """
    return start_services(system, application_order(system))


def start_services(system: System, order: Layers) -> tuple[Status, ...]:
    """Start these, the first layer first; within a layer beside each other."""
    seconds = system.procedures.application.start_seconds
    for layer in order:
        each([service(system, name) for name in layer], lambda item: item.start(seconds))
    return statuses(system, [name for layer in order for name in layer])
