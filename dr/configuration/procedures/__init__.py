"""The settings of what recovery procedures touch beyond the copies: one file per section, keys begin with its name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dr.configuration.components.declared import built, declared_fields
from dr.configuration.procedures.application import ApplicationSettings
from dr.configuration.procedures.balancer import BalancerSettings
from dr.configuration.procedures.cdn import CdnSettings
from dr.configuration.procedures.dns import DnsSettings
from dr.configuration.procedures.erasure import ErasureSettings
from dr.configuration.procedures.incident import IncidentSettings
from dr.configuration.procedures.infrastructure import InfrastructureSettings
from dr.configuration.procedures.recovery import RecoverySettings
from dr.configuration.procedures.region import RegionSettings
from dr.configuration.procedures.services import ServiceSettings
from dr.configuration.procedures.simulation import SimulationSettings
from dr.configuration.procedures.status_page import StatusPageSettings
from dr.policy.service_order import layers

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["PROCEDURE_CLASSES", "SERVICE", "ProcedureSettings", "ServiceSettings", "build_procedures"]

SERVICE = "services"
"""What the keys of every single service begin with; its name follows."""


@dataclass(frozen=True, slots=True)
class ProcedureSettings:
    """What recovers besides copies. A section that says nothing is left out of every procedure.

    ``services`` are in the order of their names; what runs before what is said by each. Raises ``ConfigurationError``
    where that is impossible.
    """

    services: tuple[ServiceSettings, ...] = ()
    application: ApplicationSettings = dataclasses.field(default_factory=ApplicationSettings)
    balancer: BalancerSettings = dataclasses.field(default_factory=BalancerSettings)
    cdn: CdnSettings = dataclasses.field(default_factory=CdnSettings)
    dns: DnsSettings = dataclasses.field(default_factory=DnsSettings)
    erasure: ErasureSettings = dataclasses.field(default_factory=ErasureSettings)
    incident: IncidentSettings = dataclasses.field(default_factory=IncidentSettings)
    infrastructure: InfrastructureSettings = dataclasses.field(default_factory=InfrastructureSettings)
    recovery: RecoverySettings = dataclasses.field(default_factory=RecoverySettings)
    region: RegionSettings = dataclasses.field(default_factory=RegionSettings)
    simulation: SimulationSettings = dataclasses.field(default_factory=SimulationSettings)
    status_page: StatusPageSettings = dataclasses.field(default_factory=StatusPageSettings)

    def __post_init__(self) -> None:
        layers({item.name: item.after for item in self.services})


PROCEDURE_CLASSES: tuple[tuple[str, type[DataclassInstance]], ...] = (
    ("application", ApplicationSettings),
    ("balancer", BalancerSettings),
    ("cdn", CdnSettings),
    ("dns", DnsSettings),
    ("erasure", ErasureSettings),
    ("incident", IncidentSettings),
    ("infrastructure", InfrastructureSettings),
    ("recovery", RecoverySettings),
    ("region", RegionSettings),
    ("simulation", SimulationSettings),
    ("status_page", StatusPageSettings),
)


def build_procedures(value_of: Callable[[str], object], services: set[str]) -> ProcedureSettings:
    """All of them; ``value_of`` gives the merged value of a key such as ``dns.zone``, or None."""

    def of(name: str, kind: type[DataclassInstance]) -> DataclassInstance:
        return built(kind, lambda field: value_of(f"{name}.{field}"))

    made = {name: of(name, kind) for name, kind in PROCEDURE_CLASSES}
    return ProcedureSettings(
        services=tuple(_service(name, value_of) for name in sorted(services)),
        **made,  # type: ignore[arg-type]
    )


def _service(name: str, value_of: Callable[[str], object]) -> ServiceSettings:
    given = {field: value_of(f"{SERVICE}.{name}.{field}") for field, _, _ in declared_fields(ServiceSettings)}
    return ServiceSettings(name=name, **{key: value for key, value in given.items() if value is not None})  # type: ignore[arg-type]
