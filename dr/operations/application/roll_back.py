"""Going back to the release before, where the newest one is the fault."""

from __future__ import annotations

from dataclasses import dataclass

from dr.configuration.model import System
from dr.operations.application.parts import application_order
from dr.policy.service_order import Layers, only
from dr.services.registry import service

_LOOK_SECONDS = 10.0


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
                found.append(Older(name, item.status(_LOOK_SECONDS).release, previous))
    return tuple(found)


def roll_back(system: System, older: tuple[Older, ...]) -> tuple[str, ...]:
    """Lead each of these back, those that others need first; what each runs now, as ``SERVICE: RELEASE``.

    Raises ``ServiceError`` when one of them does not start with that either.
    """
    seconds = system.procedures.application.start_seconds
    return tuple(
        f"{name}: {service(system, name).roll_back(seconds)}" for layer in _in_order(system, older) for name in layer
    )


def _in_order(system: System, older: tuple[Older, ...]) -> Layers:
    return only(application_order(system), {item.service for item in older})
