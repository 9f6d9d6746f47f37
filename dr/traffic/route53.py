"""Names that Route 53 answers for. All are switched in one batch: Route 53 makes all of it or nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

from dr.aws.route53 import Edit, HostedZone
from dr.configuration.procedures.dns import DnsSettings
from dr.errors import ConfigurationError, InfrastructureError
from dr.policy.traffic_records import Record
from dr.traffic.names import POLL_SECONDS, Names

_COMMENT = "coreflow360-dr: traffic switched"


class Route53Names(Names):
    """The configured names of one hosted zone."""

    spread_unknown = "; whether all of Route 53's servers answer by it yet is not known: it may take a minute"

    def __init__(self, settings: DnsSettings) -> None:
        super().__init__(settings)
        self._zone = HostedZone(settings, self._zone_id)

    @cached_property
    def _its_name(self) -> str:
        return self._zone.name()

    def zone_name(self) -> str:
        return self._its_name

    def records(self, name: str) -> tuple[Record, ...]:
        found = self._zone.records(name)
        if found.routed:
            raise InfrastructureError(
                f"{name} has records with a routing policy, and they are left alone",
                f"set identifiers: {', '.join(found.routed)}",
                f"Switch {name} in its policy (its weights, its failover record), and take it out of dns.names.",
            )
        return found.records

    def adapted(self, name: str, wanted: tuple[Record, ...], before: tuple[Record, ...]) -> tuple[Record, ...]:
        if name == self.zone_name() and any(record.type == "CNAME" for record in wanted):
            raise ConfigurationError(
                f"{name} is the zone itself, which cannot be led by a host name",
                hint="Give addresses, or alias:ZONE:HOST for a load balancer or a distribution of Amazon's.",
            )
        was = [record for record in before if record.alias is not None]
        checked = any(record.checked for record in was)
        aliases = [replace(record, checked=checked) for record in wanted if record.alias is not None]
        # Whoever had an alias for both versions of addresses goes on to have both.
        aliases += [replace(record, type="AAAA") for record in aliases if any(one.type == "AAAA" for one in was)]
        return tuple(sorted([*aliases, *(record for record in wanted if record.alias is None)]))

    def write(self, wanted: Mapping[str, tuple[Record, ...]], there: Mapping[str, tuple[Record, ...]]) -> str:
        edits: list[Edit] = []
        for name, records in wanted.items():
            types = {record.type for record in records}
            # First what goes: a CNAME stands beside nothing, and the batch is carried out in its order.
            edits += [Edit("DELETE", name, record) for record in there[name] if record.type not in types]
            edits += [Edit("UPSERT", name, record) for record in records]
        change = self._zone.change(edits, _COMMENT)
        self._wait(change, ", ".join(wanted))
        return f"Route 53 {change.rpartition('/')[2]}: INSYNC"

    def _wait(self, change: str, names: str) -> None:
        end = time.monotonic() + self._settings.wait_minutes * 60
        while not self._zone.is_in_sync(change):
            if time.monotonic() >= end:
                raise InfrastructureError(
                    f"Route 53 has taken the change of {names}, and does not say that it has spread",
                    f"change {change} is still PENDING after {self._settings.wait_minutes:g} minutes",
                    f"It is not lost: aws route53 get-change --id {change} tells when. See Amazon's own status page.",
                )
            time.sleep(max(0.0, min(POLL_SECONDS, end - time.monotonic())))
