"""Is a data directory of this host really the one of that server? Asked before anything is stopped, or proven by it.

One configuration may serve both regions, where the same path or unit is the other region's own; and a host may hold
other clusters. So a directory counts only when its cluster is the one of the other server, and the server's address is
this host's.
"""

from __future__ import annotations

import socket
from pathlib import Path

from dr.configuration.model import System
from dr.errors import DrError
from dr.operations.check_source import bin_directories
from dr.operations.region.sites import Site, role_of
from dr.postgres.connection import parameters
from dr.postgres.control_data import control_data
from dr.postgres.following import port_of
from dr.postgres.installations import Installation, server_for
from dr.postgres.standby import ServerRole, major_of
from dr.secret import Secret


def installation_of(system: System, directory: Path) -> Installation:
    """The programs for a data directory. Raises SourceError where it is none."""
    return server_for(major_of(directory), bin_directories(system))


def holds_cluster(directory: Path | None) -> bool:
    """Whether there is a data directory on this host."""
    return directory is not None and (directory / "PG_VERSION").exists()


def not_here(system: System, site: Site, other: Site) -> str:
    """Why the site's directory and service of this host cannot be that server's; empty when they are.

    ``other`` is the server that it is compared with. One that does not answer says nothing, so nothing is believed.
    """
    directory = site.directory
    if directory is None or not holds_cluster(directory):
        return f"its data directory ({directory or 'not configured'}) is not on this host, so neither is its service"
    if not is_local(site.url):
        return f"{parameters(site.url).get('host', '')} is no address of this host, so its service is not here"
    try:
        theirs = role_of(other)
        own = control_data(directory, installation_of(system, directory))["Database system identifier"]
    except DrError as error:
        return f"whether {directory} is that server's cannot be told: {error.message} {error.detail}".strip()
    if own != theirs.system_identifier:
        return f"{directory} is of another cluster ({own}) than {other.name} ({theirs.system_identifier})"
    if is_local(other.url):
        if other.directory is not None and _same(directory, other.directory):
            return f"{directory} is configured as the data directory of both servers"
        if _same(directory, Path(theirs.directory)):
            return f"{directory} on this host is the other server's own"
    return _served_otherwise(site, directory)


def is_local(url: Secret) -> bool:
    """Whether every address that a connection string leads to is one of this host."""
    given = parameters(url)
    hosts = given.get("hostaddr") or given.get("host") or ""
    return all(_is_own(host) for host in hosts.split(","))


def _is_own(host: str) -> bool:
    if not host or host.startswith(("/", "@")):
        return True  # a socket
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except OSError:
        return False
    return all(_can_be_bound(family, address) for family, _, _, _, address in found)


def _can_be_bound(family: int, address: tuple[object, ...]) -> bool:
    if address[0] == "::1":
        return True  # also where IPv6 is switched off
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as trial:
            trial.bind((address[0], 0, *address[2:]))
    except OSError:
        return False
    return True


def _served_otherwise(site: Site, directory: Path) -> str:
    """Why what answers at the address, or serves the directory, is something else."""
    try:
        role: ServerRole | None = role_of(site)
    except DrError:
        role = None
    if role is not None and not _same(directory, Path(role.directory)):
        return f"the server at its address has its data in {role.directory}, not in {directory}"
    port, wanted = port_of(directory), parameters(site.url).get("port", "5432")
    if port and str(port) != wanted:
        return f"the server in {directory} listens on port {port}, not on {wanted}"
    return ""


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one == other
