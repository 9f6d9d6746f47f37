"""Keep a server from writing, and prove it: one way after the other, until one is proven.

A way is proven by something that speaks for the server's state: the program that runs it, the provider of its machine,
its own data directory, a command's exit status. Its silence is never a proof: a server that is cut off from us is
silent too, and goes on taking its clients' orders.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from dr.configuration.model import System
from dr.errors import DrError
from dr.operations.region.fencing.command import by_command
from dr.operations.region.fencing.ec2 import by_ec2
from dr.operations.region.fencing.service import by_service
from dr.operations.region.fencing.sql import by_sql
from dr.operations.region.sites import Site
from dr.policy.promotion import FenceTried

logger = logging.getLogger(__name__)

__all__ = ["fence"]

_Way = Callable[[System, Site, Site], FenceTried | None]
_WAYS: dict[str, _Way] = {
    "service": by_service,
    "command": by_command,
    "ec2": by_ec2,
    "sql": by_sql,
}


def fence(system: System, site: Site, other: Site) -> tuple[FenceTried, ...]:
    """Try what is configured, in its order, on ``site``; the last is proven, or none is. ``other`` is left alone."""
    tried: list[FenceTried] = []
    for name in system.procedures.region.fence:
        try:
            result = _WAYS[name](system, site, other)
        except DrError as error:
            result = FenceTried(name, False, f"{error.message} {error.detail}".strip())
        if result is None:
            continue  # it is not configured
        logger.info("fencing %s: %s", site.name, result)
        tried.append(result)
        if result.proven:
            break
    return tuple(tried)
