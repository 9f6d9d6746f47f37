"""Which services make the application: all but those that are the data's own, and the second region's."""

from __future__ import annotations

from dr.configuration.model import System
from dr.configuration.procedures.application import ApplicationSettings
from dr.policy.service_order import Layers, only
from dr.services.registry import order


def data_services(system: System) -> frozenset[str]:
    """PostgreSQL's and Redis's, of both regions: whoever restores their data stops and starts them."""
    settings, region = system.procedures.recovery, system.procedures.region
    names = (settings.database_service, settings.redis_service, region.primary_service, region.standby_service)
    return frozenset(name for name in names if name)


def regions_services(system: System) -> frozenset[str]:
    """What a failover alone begins: a server that it has fenced must not write again, nor the standby by itself."""
    region = system.procedures.region
    return frozenset(name for name in (region.primary_service, region.standby_service, *region.services) if name)


def application_order(system: System) -> Layers:
    """The application's services, layer by layer as they start."""
    names = {item.name for item in system.procedures.services}
    return only(order(system), names - data_services(system) - regions_services(system))


def is_configured(system: System) -> bool:
    """Whether this configuration says anything of an application; otherwise procedures leave it out."""
    return bool(application_order(system)) or system.procedures.application != ApplicationSettings()
