"""Fence by what runs the server: it is stopped for good, and nothing serves its data directory any more.

A service of this host counts only when the server is really here (``here.py``). And something must have been stopped:
a service that did not run, with a directory that nobody served, may be a copy that was left behind, unless the
directory itself says that it was shut down with all that its replica has.
"""

from __future__ import annotations

from dr.catalog.lsn import Lsn
from dr.configuration.model import System
from dr.operations.region.here import installation_of, not_here
from dr.operations.region.sites import Site, role_of
from dr.policy.promotion import FenceTried
from dr.postgres.control_data import control_data
from dr.postgres.following import server_of
from dr.services.kubernetes import KubernetesService
from dr.services.protocol import Service, State
from dr.services.registry import service

STOP_SECONDS = 120.0
_RECORD_BYTES = 1 << 10
"""The last checkpoint's own record, by which a replica is beyond the place where it begins."""


def by_service(system: System, site: Site, other: Site) -> FenceTried | None:
    """Stop the service; None where none is named."""
    if not site.service:
        return None
    running = service(system, site.service)
    if isinstance(running, KubernetesService):
        return _by_kubernetes(running)
    refusal = not_here(system, site, other)
    if refusal:
        return FenceTried("service", False, refusal)
    directory = site.require_directory("it is here")
    before = server_of(directory)
    running.stop(STOP_SECONDS)
    tried = _stopped(running)
    if not tried.proven:
        return tried
    server = server_of(directory)
    if server:
        return FenceTried("service", False, f"{tried.detail}, and process {server} still serves {directory}")
    if not before and not _was_shut_down_last(system, site, other):
        return FenceTried(
            "service",
            False,
            f"{site.service} did not run, and {directory} does not say that it was shut down with all that "
            f"{other.name} has: whether it is the one that served is not known",
        )
    return tried


def _by_kubernetes(running: KubernetesService) -> FenceTried:
    """It reaches what it runs wherever it is, so it must say which cluster, and a pod must have ended by itself."""
    if not running.settings.context:
        return FenceTried(
            "service",
            False,
            f"{running.name} names no context (services.{running.name}.context): which cluster that is depends on "
            "who runs this",
        )
    running.stop(STOP_SECONDS, force=False)
    tried = _stopped(running)
    if tried.proven and running.status(STOP_SECONDS).state is State.FAILED:
        return FenceTried("service", False, f"{running.name} has failed; whether it runs again is not known")
    return tried


def _stopped(running: Service) -> FenceTried:
    status = running.status(STOP_SECONDS)
    stopped = status.state in (State.STOPPED, State.FAILED)
    return FenceTried("service", stopped, f"{running.name} is {status.state}: {status.detail}".rstrip(": "))


def _was_shut_down_last(system: System, site: Site, other: Site) -> bool:
    """Whether the directory ends with an orderly shutdown, and not before what its replica has."""
    directory = site.require_directory("it is here")
    control = control_data(directory, installation_of(system, directory))
    if control["Database cluster state"] != "shut down":
        return False
    last = Lsn.parse(control["Latest checkpoint location"])
    return role_of(other).end - last <= _RECORD_BYTES
