"""Settings of the section ``dns``."""

from __future__ import annotations

from dataclasses import dataclass

from dr.configuration import parsers
from dr.configuration.components.aws import AwsSettings
from dr.configuration.components.declared import given
from dr.secret import Secret

CLOUDFLARE = "https://api.cloudflare.com/client/v4"


@dataclass(frozen=True, slots=True)
class DnsSettings(AwsSettings):
    """The names that people reach the product by, and where they lead on each side.

    What a side leads to is a list: addresses, a host name, ``alias:ZONE:HOST`` (Route 53), ``terraform:OUTPUT``. Each
    is meant for every name, or for one: ``api.example.org=203.0.113.7``.
    """

    provider: str = given(parsers.choice("route53", "cloudflare"), "who answers for the names", "route53")
    zone: str | None = given(parsers.text, "id of the zone that holds the names, as the provider writes it")
    names: tuple[str, ...] = given(parsers.words, "names that are switched; no other is ever touched", ())
    primary: tuple[str, ...] = given(parsers.words, "where the names lead in normal times", ())
    standby: tuple[str, ...] = given(parsers.words, "where they lead after a failover to the second region", ())
    recovered: tuple[str, ...] = given(parsers.words, "where they lead after a full recovery", ())
    ttl_seconds: int = given(parsers.count, "time to live of what is switched, until the old one is put back", 60)
    wait_minutes: float = given(parsers.positive_minutes, "how long the provider may take to spread a change", 5.0)
    cloudflare_token: Secret | None = given(parsers.secret, "API token of Cloudflare that may edit the zone's records")
    cloudflare_url: str = given(parsers.text, "address of Cloudflare's API", CLOUDFLARE)
