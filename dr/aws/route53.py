"""Route 53: the records of one zone, read and changed in one piece. It is one service for the whole world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dr.aws.errors import translated
from dr.aws.session import make_client
from dr.configuration.components.aws import AwsSettings
from dr.policy.traffic_records import LEADING, Record

SECTION = "dns"
_HOME = "us-east-1"
_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class RecordsOfName:
    """What one name has. ``routed`` are the set identifiers of records with a routing policy: ours to look at only."""

    records: tuple[Record, ...]
    routed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """One line of a batch: ``action`` is ``UPSERT``, ``CREATE`` or ``DELETE``; the latter wants the record as it is."""

    action: str
    name: str
    record: Record


class HostedZone:
    """One zone. Raises SourceError: see ``dr.aws.errors``."""

    def __init__(self, settings: AwsSettings, zone: str) -> None:
        region = settings.region or _HOME
        self._client: Any = make_client(settings, SECTION, "route53", region=region, attempts=_ATTEMPTS)
        self.id = zone

    def name(self) -> str:
        """The zone's own name, without the dot at its end."""
        with translated(SECTION, f"look at the hosted zone {self.id}"):
            return plain_name(self._client.get_hosted_zone(Id=self.id)["HostedZone"]["Name"])

    def records(self, name: str) -> RecordsOfName:
        """Those of one name that lead somewhere."""
        found: list[Mapping[str, Any]] = []
        where: dict[str, str] = {"StartRecordName": name}
        while True:
            with translated(SECTION, f"read the records of {name}"):
                page = self._client.list_resource_record_sets(HostedZoneId=self.id, MaxItems="100", **where)
                sets = page["ResourceRecordSets"]
            found += [one for one in sets if plain_name(one["Name"]) == name and one["Type"] in LEADING]
            if not page.get("IsTruncated") or (sets and plain_name(sets[-1]["Name"]) != name):
                break
            where = {"StartRecordName": page["NextRecordName"], "StartRecordType": page["NextRecordType"]}
            if "NextRecordIdentifier" in page:
                where["StartRecordIdentifier"] = page["NextRecordIdentifier"]
        routed = tuple(str(one["SetIdentifier"]) for one in found if "SetIdentifier" in one)
        return RecordsOfName(tuple(sorted(_record(one) for one in found if "SetIdentifier" not in one)), routed)

    def change(self, edits: Sequence[Edit], comment: str) -> str:
        """Ask for all of them or none; the id of the change, by which it is asked for."""
        batch = [{"Action": one.action, "ResourceRecordSet": _record_set(one.name, one.record)} for one in edits]
        names = ", ".join(dict.fromkeys(one.name for one in edits))
        with translated(SECTION, f"change the records of {names}"):
            answer = self._client.change_resource_record_sets(
                HostedZoneId=self.id, ChangeBatch={"Comment": comment, "Changes": batch}
            )
            return str(answer["ChangeInfo"]["Id"])

    def is_in_sync(self, change: str) -> bool:
        """Whether all of Route 53's servers answer by it."""
        with translated(SECTION, "ask whether a change of records has spread"):
            return str(self._client.get_change(Id=change)["ChangeInfo"]["Status"]) == "INSYNC"


def plain_name(name: str) -> str:
    r"""As people write it: no dot at the end, small letters, ``*`` instead of Route 53's ``\052``.

    >>> plain_name("\\052.Example.org.")
    '*.example.org'
    """
    return name.rstrip(".").replace("\\052", "*").lower()


def _record(raw: Mapping[str, Any]) -> Record:
    alias = raw.get("AliasTarget")
    return Record(
        type=str(raw["Type"]),
        values=tuple(sorted(_value(raw["Type"], one["Value"]) for one in raw.get("ResourceRecords", ()))),
        ttl=int(raw.get("TTL", 0) or 0),
        alias=(str(alias["HostedZoneId"]), plain_name(alias["DNSName"])) if alias else None,
        checked=bool(alias["EvaluateTargetHealth"]) if alias else False,
        health_check=str(raw.get("HealthCheckId", "") or ""),
    )


def _value(kind: str, text: str) -> str:
    return plain_name(text) if kind == "CNAME" else str(text)


def _record_set(name: str, record: Record) -> dict[str, Any]:
    made: dict[str, Any] = {"Name": name, "Type": record.type}
    if record.alias is not None:
        zone, host = record.alias
        made["AliasTarget"] = {"HostedZoneId": zone, "DNSName": host, "EvaluateTargetHealth": record.checked}
    else:
        made |= {"TTL": record.ttl, "ResourceRecords": [{"Value": value} for value in record.values]}
    if record.health_check:
        made["HealthCheckId"] = record.health_check
    return made
