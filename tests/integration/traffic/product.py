"""A system with everything that leads requests to it, each at a provider of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dr.configuration.model import System
from tests.contracts import traffic_subjects as subjects
from tests.contracts.traffic_subjects import Subject
from tests.endpoints.faulty import Faulty
from tests.endpoints.serving import Endpoint


@dataclass(frozen=True)
class Product:
    """A system with a load balancer, two names and a cache, and what each provider has."""

    system: System
    groups: Subject
    names: Subject
    cache: Subject
    proxy: Faulty
    moto: Endpoint

    def truth(self) -> tuple[Any, Any]:
        return self.groups.truth(), self.names.truth()


def settings_of(subject: Subject, **changes: Any) -> Any:
    """The settings that a subject's switch was opened with."""
    return subject.open(**changes)._settings  # type: ignore[attr-defined]


def in_zone(product: Product, *addresses: str, ttl: int = 60) -> None:
    """Somebody leads the shop elsewhere by hand."""
    dns = product.system.procedures.dns
    edit = {
        "Name": "shop.example.org",
        "Type": "A",
        "TTL": ttl,
        "ResourceRecords": [{"Value": address} for address in addresses],
    }
    zone = subjects.client(product.moto, "route53")
    changes = [{"Action": "UPSERT", "ResourceRecordSet": edit}]
    zone.change_resource_record_sets(HostedZoneId=dns.zone, ChangeBatch={"Changes": changes})
