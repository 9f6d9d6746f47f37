"""Settings of the section ``cdn``."""

from __future__ import annotations

from dataclasses import dataclass

from dr.configuration import parsers
from dr.configuration.components.aws import AwsSettings
from dr.configuration.components.declared import given
from dr.configuration.procedures.dns import CLOUDFLARE
from dr.secret import Secret


@dataclass(frozen=True, slots=True)
class CdnSettings(AwsSettings):
    """The cache in front of the application, whose content is stale after a recovery.

    ``paths`` begin with a slash and may end with ``*``; ``/*`` is everything.
    """

    provider: str = given(parsers.choice("cloudfront", "cloudflare"), "whose cache it is", "cloudfront")
    distributions: tuple[str, ...] = given(parsers.words, "CloudFront distributions to invalidate, by id", ())
    zone: str | None = given(parsers.text, "Cloudflare zone whose cache is purged, by id")
    hosts: tuple[str, ...] = given(
        parsers.words, "hosts whose paths Cloudflare forgets; not needed when all paths are", ()
    )
    paths: tuple[str, ...] = given(parsers.words, "paths that are stale after a recovery", ("/*",))
    wait_minutes: float = given(parsers.positive_minutes, "how long an invalidation may take", 15.0)
    cloudflare_token: Secret | None = given(parsers.secret, "API token of Cloudflare that may purge the zone's cache")
    cloudflare_url: str = given(parsers.text, "address of Cloudflare's API", CLOUDFLARE)
