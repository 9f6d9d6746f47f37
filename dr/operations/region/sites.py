"""The two servers of a system by the configuration: where each is, and what runs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dr.configuration.model import System
from dr.errors import ConfigurationError, DrError, SourceError
from dr.operations.check_source import physical_url
from dr.policy.promotion import Sight
from dr.policy.traffic_side import Side
from dr.postgres.connection import display_name
from dr.postgres.following import address_of
from dr.postgres.standby import ServerRole, server_role
from dr.secret import Secret


@dataclass(frozen=True, slots=True)
class Site:
    """One of the two. ``directory`` None: its data directory is not on this host; ``service`` empty: none is named."""

    side: Side
    url: Secret
    directory: Path | None
    service: str

    @property
    def name(self) -> str:
        """For people: which region, and the address."""
        which = "the first region's server" if self.side is Side.PRIMARY else "the second region's server"
        return f"{which} ({display_name(self.url)})"

    def require_directory(self, why: str) -> Path:
        """Its data directory on this host. Raises ``ConfigurationError``."""
        if self.directory is None:
            raise ConfigurationError(
                f"the data directory of {self.name} is not known on this host",
                detail=why,
                hint=f"Run this on the host of that server, with region.{self.side}_directory set.",
            )
        return self.directory

    def require_service(self, why: str) -> str:
        """The service that runs it. Raises ``ConfigurationError``."""
        if not self.service:
            raise ConfigurationError(
                f"the service that runs {self.name} is not known",
                detail=why,
                hint=f"Set region.{self.side}_service to a name of services.*.",
            )
        return self.service


def first_region(system: System) -> Site:
    """The first region's server. Raises ``ConfigurationError`` where its own address is not given.

    ``postgres.url`` does not stand in for it: a name that DNS moves may lead to the other server by now.
    """
    region = system.procedures.region
    if region.primary_url is None:
        raise ConfigurationError(
            f"the address of {system.name}'s first region is not known",
            hint="Set region.primary_url to that server's own address, not to a name that moves (docs/failover.md).",
        )
    return Site(Side.PRIMARY, region.primary_url, region.primary_directory, region.primary_service or "")


def second_region(system: System) -> Site:
    """The second region's server. Raises ``ConfigurationError`` where there is none."""
    region = system.procedures.region
    if region.standby_url is None:
        raise ConfigurationError(
            f"{system.name} has no second region",
            hint="Set region.standby_url to the replica's address (docs/failover.md).",
        )
    return Site(Side.STANDBY, region.standby_url, region.standby_directory, region.standby_service or "")


def role_of(site: Site) -> ServerRole:
    """What the server says of itself. Raises SourceError."""
    return server_role(site.url)


def require_two(one: Site, other: Site) -> None:
    """Raise ``ConfigurationError`` when both addresses lead to one server; one that does not answer is another."""
    try:
        roles = (role_of(one), role_of(other))
    except SourceError:
        return
    if roles[0].is_same_server(roles[1]):
        raise ConfigurationError(
            "the addresses of both regions lead to one server",
            f"{one.name} and {other.name}, begun at {roles[0].started:%Y-%m-%d %H:%M:%S.%f} UTC",
            "Give each server's own address: region.primary_url and region.standby_url.",
        )


def sight_of(site: Site) -> Sight:
    """The same; a server that cannot be asked is told, not raised."""
    try:
        role = role_of(site)
    except DrError as error:
        return Sight(site.name, False, f"{error.message} {error.detail}".strip())
    return Sight(
        site.name,
        True,
        in_charge=not role.standby,
        system_identifier=role.system_identifier,
        timeline=role.timeline,
        end=role.end,
        directory=role.directory,
        began=role.started,
    )


def replication_url(system: System, site: Site) -> Secret:
    """How a replica reaches the site: the site's address, with the role that backs up (it has REPLICATION)."""
    return address_of(site.url, physical_url(system))
