"""Fence by what runs the server: it is stopped for good, and nothing serves its data directory any more.

One configuration may serve both regions, where a unit of the same name runs the other region's server. So a service of
this host counts only when the data directory is here too, and is not the one that the other server says is its own.
"""

from __future__ import annotations

from pathlib import Path

from dr.configuration.model import System
from dr.errors import DrError
from dr.operations.region.sites import Site, role_of
from dr.policy.promotion import FenceTried
from dr.postgres.following import server_of
from dr.services.protocol import State
from dr.services.registry import service

STOP_SECONDS = 120.0
_ELSEWHERE = ("kubernetes",)
"""Drivers that reach what they run wherever it is."""


def by_service(system: System, site: Site, other: Site) -> FenceTried | None:
    """Stop the service; None where none is named."""
    if not site.service:
        return None
    driver = next((item.driver for item in system.procedures.services if item.name == site.service), "")
    if driver not in _ELSEWHERE:
        refusal = _not_here(site, other)
        if refusal:
            return FenceTried("service", False, refusal)
    running = service(system, site.service)
    running.stop(STOP_SECONDS)
    status = running.status(STOP_SECONDS)
    if status.state not in (State.STOPPED, State.FAILED):
        return FenceTried("service", False, f"{site.service} is {status.state}: {status.detail}")
    server = server_of(site.directory) if site.directory is not None else 0
    if server:
        return FenceTried(
            "service", False, f"{site.service} is {status.state}, and process {server} still serves {site.directory}"
        )
    if status.state is State.FAILED and site.directory is None:
        return FenceTried("service", False, f"{site.service} has failed; whether it runs again is not known")
    return FenceTried("service", True, f"{site.service} is stopped by its {driver or 'service'} driver")


def _not_here(site: Site, other: Site) -> str:
    """Why a service of this host cannot be that server's; empty when it can."""
    directory = site.directory
    if directory is None or not (directory / "PG_VERSION").exists():
        return f"its data directory ({directory or 'not configured'}) is not on this host, so neither is its service"
    if other.directory is not None and _same(directory, other.directory):
        return f"{directory} is configured as the data directory of both servers"
    try:
        serving = Path(role_of(other).directory)
    except DrError:
        return ""
    if _same(directory, serving):
        return f"{directory} on this host is the other server's own"
    return ""


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one == other
