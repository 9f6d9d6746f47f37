"""The services of a system, each behind its driver."""

from __future__ import annotations

from dr.configuration.model import System
from dr.configuration.procedures.services import ServiceSettings
from dr.errors import ConfigurationError
from dr.policy.service_order import Layers, layers
from dr.services.compose import ComposeService
from dr.services.kubernetes import KubernetesService
from dr.services.process import ProcessService
from dr.services.protocol import Service
from dr.services.systemd import SystemdService


def services(system: System) -> tuple[Service, ...]:
    """All of them, in an order in which they can start."""
    found = {item.name: _opened(system, item) for item in system.procedures.services}
    return tuple(found[name] for layer in order(system) for name in layer)


def service(system: System, name: str) -> Service:
    """The one of that name. Raises ``ConfigurationError`` when there is none."""
    for item in system.procedures.services:
        if item.name == name:
            return _opened(system, item)
    known = ", ".join(item.name for item in system.procedures.services) or "none at all"
    raise ConfigurationError(
        f"there is no service {name!r}", detail=f"there are: {known}", hint=f"Declare [system.{system.name}.services]."
    )


def order(system: System) -> Layers:
    """Layer by layer, those that may start together."""
    return layers({item.name: item.after for item in system.procedures.services})


def _opened(system: System, settings: ServiceSettings) -> Service:
    match settings.driver:
        case "systemd":
            return SystemdService(settings)
        case "compose":
            return ComposeService(settings)
        case "kubernetes":
            return KubernetesService(settings)
    return ProcessService(settings, system.state_directory / "services" / system.name / settings.name)
