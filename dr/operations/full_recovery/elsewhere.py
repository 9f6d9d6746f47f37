"""Who else is in charge: asked before anything is touched, and again before what was recovered serves and is led to."""

from __future__ import annotations

from dr.configuration.model import System
from dr.operations.full_recovery.places import data_directory
from dr.operations.region.only_primary import look_elsewhere, require_alone

NOTHING = "nothing was touched"


def see_elsewhere(system: System, *, exercise: bool, state: str = NOTHING) -> tuple[str, ...]:
    """What a person should know; empty where there is no second region, or nothing but what was recovered answers.

    Raises ``NotFenced`` when another server takes writes, unless it is an ``exercise``, which goes on beside it. One
    that does not answer holds nobody up: when everything else is gone, a recovery has to work. ``state`` is what has
    been done here so far.
    """
    found = look_elsewhere(system, data_directory(system))
    if exercise:
        return found.lines()
    return require_alone(found, "and what is recovered here would be in charge as well", state)


def is_asked(system: System) -> bool:
    """Whether the configuration knows of two regions at all."""
    region = system.procedures.region
    return region.primary_url is not None and region.standby_url is not None
