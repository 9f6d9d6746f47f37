"""The switches that the contract is held against, each with something of its own at a provider, behind a proxy.

The providers are moto's server and the stand-in for Cloudflare. The proxy is what breaks; a test looks at the provider
itself, behind the switch's back.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dr.configuration.model import AbsentSecret, EncryptionSettings, PostgresSettings, System
from dr.configuration.procedures import ProcedureSettings
from dr.configuration.procedures.balancer import BalancerSettings
from dr.configuration.procedures.cdn import CdnSettings
from dr.configuration.procedures.dns import DnsSettings
from dr.secret import Secret
from dr.traffic.protocol import Switch
from dr.traffic.registry import switches
from tests.endpoints.cloudflare import Cloudflare
from tests.endpoints.faulty import Faulty
from tests.endpoints.serving import REGION, Endpoint

ZONE = "example.org"


@dataclass(frozen=True)
class Subject:
    """A switch under test.

    ``open`` makes it, with changes of its settings; ``truth`` is what the provider itself has; ``meddle`` is what
    somebody else does there; ``writes`` matches, in the proxy's words, the request that changes something; ``secret``
    is what no message may hold.
    """

    open: Callable[..., Switch]
    truth: Callable[[], Any]
    meddle: Callable[[], object]
    proxy: Faulty
    writes: str
    secret: Secret

    def written(self) -> int:
        """How many requests have changed something since the proxy was told what to break."""
        return sum(re.search(self.writes, one) is not None for one in self.proxy.seen())


def system_with(directory: Path = Path("/nowhere"), **sections: Any) -> System:
    """A system that is nothing but what leads requests to it."""
    return System(
        name="shop",
        postgres=PostgresSettings(AbsentSecret("postgres.url", "")),
        stores=(),
        encryption=EncryptionSettings(),
        procedures=ProcedureSettings(**sections),
        state_directory=directory,
    )


def _opened(**sections: Any) -> Switch:
    (switch,) = switches(system_with(**sections))
    return switch


@cache
def client(endpoint: Endpoint, service: str, region: str = REGION) -> Any:
    """A plain boto3 client, to look behind the switch's back."""
    import boto3

    made: Any = boto3.client
    return made(
        service,
        endpoint_url=endpoint.url,
        region_name=region,
        aws_access_key_id=endpoint.access_key_id,
        aws_secret_access_key=endpoint.secret_access_key.reveal(),
    )


def _amazon(endpoint: Endpoint, proxy: Faulty) -> dict[str, Any]:
    return {
        "endpoint_url": proxy.url,
        "region": REGION,
        "access_key_id": endpoint.access_key_id,
        "secret_access_key": endpoint.secret_access_key,
    }


def new_zone(endpoint: Endpoint, name: str = ZONE) -> str:
    """A hosted zone of its own; its id."""
    made = client(endpoint, "route53").create_hosted_zone(Name=name, CallerReference=secrets.token_hex(8))
    return str(made["HostedZone"]["Id"]).rpartition("/")[2]


def new_distribution(endpoint: Endpoint) -> str:
    """A distribution of its own; its id."""
    origin = {
        "Id": "shop",
        "DomainName": f"origin.{ZONE}",
        "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"},
    }
    made = client(endpoint, "cloudfront").create_distribution(
        DistributionConfig={
            "CallerReference": secrets.token_hex(8),
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": {"TargetOriginId": "shop", "ViewerProtocolPolicy": "https-only"},
            "Comment": "",
            "Enabled": True,
        }
    )
    return str(made["Distribution"]["Id"])


def new_group(endpoint: Endpoint, name: str, *targets: dict[str, Any]) -> str:
    """A target group for addresses, with servers in it; its ARN."""
    balancers = client(endpoint, "elbv2")
    vpc = client(endpoint, "ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    made = balancers.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")
    arn = str(made["TargetGroups"][0]["TargetGroupArn"])
    balancers.register_targets(TargetGroupArn=arn, Targets=list(targets))
    return arn


def put(endpoint: Endpoint, zone: str, name: str, kind: str, *values: str, ttl: int = 300, **more: Any) -> None:
    """A record, as an operator makes it."""
    content = {} if "AliasTarget" in more else {"TTL": ttl, "ResourceRecords": [{"Value": one} for one in values]}
    record = {"Name": name, "Type": kind, **content, **more}
    changes = [{"Action": "UPSERT", "ResourceRecordSet": record}]
    client(endpoint, "route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})


def records_of(endpoint: Endpoint, zone: str) -> list[Any]:
    """Everything in a zone."""
    return list(client(endpoint, "route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"])


def route53(endpoint: Endpoint, proxy: Faulty) -> Subject:
    """Two names, one with addresses of both versions and one with a host name, among others."""
    zone = new_zone(endpoint)
    put(endpoint, zone, f"shop.{ZONE}", "A", "192.0.2.1", "192.0.2.2", ttl=3600)
    put(endpoint, zone, f"shop.{ZONE}", "AAAA", "2001:db8::1")
    put(endpoint, zone, f"shop.{ZONE}", "TXT", '"leave me alone"')
    put(endpoint, zone, f"api.{ZONE}", "CNAME", "old.example.net")
    put(endpoint, zone, f"other.{ZONE}", "A", "192.0.2.9")

    def opened(**changes: Any) -> Switch:
        given: dict[str, Any] = {
            "zone": zone,
            "names": (f"shop.{ZONE}", f"api.{ZONE}"),
            "primary": ("192.0.2.1", "192.0.2.2", "2001:db8::1", f"api.{ZONE}=old.example.net"),
            "standby": ("198.51.100.7", f"api.{ZONE}=new.example.net"),
        }
        return _opened(dns=DnsSettings(**(_amazon(endpoint, proxy) | given | changes)))

    return Subject(
        opened,
        lambda: records_of(endpoint, zone),
        lambda: put(endpoint, zone, f"api.{ZONE}", "CNAME", "somebody.example.net"),
        proxy,
        r"^POST .*/rrset",
        endpoint.secret_access_key,
    )


def cloudflare_dns(server: Cloudflare, proxy: Faulty) -> Subject:
    """The same at Cloudflare; the second name is proxied."""
    mine = secrets.token_hex(4)
    shop, api = f"shop-{mine}.{server.name}", f"api-{mine}.{server.name}"
    server.add(type="A", name=shop, content="192.0.2.1", ttl=3600, comment="first")
    server.add(type="A", name=shop, content="192.0.2.2", ttl=3600, comment="first")
    server.add(type="AAAA", name=shop, content="2001:db8::1", ttl=300)
    server.add(type="TXT", name=shop, content="leave me alone", ttl=300)
    proxied = server.add(type="CNAME", name=api, content="old.example.net", ttl=1, proxied=True)

    def opened(**changes: Any) -> Switch:
        given: dict[str, Any] = {
            "provider": "cloudflare",
            "zone": server.zone,
            "cloudflare_url": proxy.url + "/client/v4",
            "cloudflare_token": server.token,
            "names": (shop, api),
            "primary": ("192.0.2.1", "192.0.2.2", "2001:db8::1", f"{api}=old.example.net"),
            "standby": ("198.51.100.7", f"{api}=new.example.net"),
        }
        return _opened(dns=DnsSettings(**(given | changes)))

    def truth() -> list[Any]:
        """Without ids: what was removed and is made again has another."""
        kept = ("type", "name", "content", "ttl", "proxied", "comment")
        return [{key: one[key] for key in kept} for one in server.records() if mine in one["name"]]

    def meddle() -> object:
        body = {"patches": [{"id": proxied["id"], "content": "somebody.example.net"}]}
        return server.ask("POST", "/dns_records/batch", body)

    return Subject(opened, truth, meddle, proxy, "^POST .*/dns_records", server.token)


def target_groups(endpoint: Endpoint, proxy: Faulty) -> Subject:
    """A group with two servers by address."""
    mine = f"web-{secrets.token_hex(4)}"
    balancers = client(endpoint, "elbv2")
    arn = new_group(endpoint, mine, {"Id": "10.0.0.1", "Port": 80}, {"Id": "10.0.0.2", "Port": 8080})

    def add(*targets: dict[str, Any]) -> object:
        return balancers.register_targets(TargetGroupArn=arn, Targets=list(targets))

    def opened(**changes: Any) -> Switch:
        given: dict[str, Any] = {
            "target_groups": (mine,),
            "primary": ("10.0.0.1", "10.0.0.2:8080"),
            "standby": ("10.0.0.2:8080", "10.0.1.7"),
            "wait_minutes": 0.02,
        }
        return _opened(balancer=BalancerSettings(**(_amazon(endpoint, proxy) | given | changes)))

    def truth() -> list[Any]:
        found = balancers.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        return sorted((one["Target"]["Id"], one["Target"]["Port"]) for one in found)

    return Subject(
        opened, truth, lambda: add({"Id": "10.0.9.9", "Port": 80}), proxy, "^POST / (Deregister|Register)Targets",
        endpoint.secret_access_key,
    )  # fmt: skip


def cloudfront(endpoint: Endpoint, proxy: Faulty) -> Subject:
    """A distribution."""
    distribution = new_distribution(endpoint)

    def opened(**changes: Any) -> Switch:
        given: dict[str, Any] = {"distributions": (distribution,), "paths": ("/index.html", "/assets/*")}
        return _opened(cdn=CdnSettings(**(_amazon(endpoint, proxy) | given | changes)))

    def truth() -> list[Any]:
        """The paths of every invalidation."""
        ours = client(endpoint, "cloudfront")
        listed = ours.list_invalidations(DistributionId=distribution)["InvalidationList"].get("Items", [])
        found = [ours.get_invalidation(DistributionId=distribution, Id=one["Id"])["Invalidation"] for one in listed]
        return [one["InvalidationBatch"]["Paths"]["Items"] for one in found]

    return Subject(opened, truth, lambda: None, proxy, "^POST .*/invalidation", endpoint.secret_access_key)


def cloudflare_cache(server: Cloudflare, proxy: Faulty) -> Subject:
    """The cache of the zone."""
    begin = len(server.purges())

    def opened(**changes: Any) -> Switch:
        given: dict[str, Any] = {
            "provider": "cloudflare",
            "zone": server.zone,
            "cloudflare_url": proxy.url + "/client/v4",
            "cloudflare_token": server.token,
            "hosts": (f"www.{server.name}",),
            "paths": ("/index.html", "/assets/*"),
        }
        return _opened(cdn=CdnSettings(**(given | changes)))

    return Subject(opened, lambda: server.purges()[begin:], lambda: None, proxy, "^POST .*/purge_cache", server.token)
