"""Cloudflare's cache: purged, which it does within seconds and does not account for afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote

import msgspec

from dr.configuration.procedures.cdn import CdnSettings
from dr.errors import ConfigurationError
from dr.traffic.caches import EVERYTHING, Cache
from dr.traffic.cloudflare import Cloudflare, Envelope

AT_ONCE = 30
"""How many addresses one request may name, on every plan of Cloudflare's."""


class _Purged(msgspec.Struct):
    id: str = ""


class _Zone(msgspec.Struct):
    name: str


class CloudflareCache(Cache):
    """The cache of one zone."""

    def __init__(self, settings: CdnSettings) -> None:
        super().__init__(settings, (settings.zone or "",))
        if EVERYTHING not in self._paths and not settings.hosts:
            raise ConfigurationError(
                "cdn.paths names paths, and cdn.hosts no hosts that have them",
                hint="Cloudflare forgets whole addresses: add the hosts to cdn.hosts, or use /* for everything.",
            )
        self._cloudflare = Cloudflare("cdn", settings.cloudflare_url, settings.cloudflare_token)

    def last(self, cache: str) -> str:
        answer = self._cloudflare.ask(Envelope[_Zone], "GET", _place(cache), f"look at the zone {cache}")
        return f"whatever {answer.result.name} has cached (Cloudflare does not say)"

    def empty(self, cache: str, paths: Sequence[str], reference: str) -> str:
        count = 0
        for body in wishes(paths, self._settings.hosts):
            self._cloudflare.ask(
                Envelope[_Purged], "POST", f"{_place(cache)}/purge_cache", f"purge the cache of {cache}", body
            )
            count += 1
        return f"Cloudflare has taken {count} purge{'s' * (count != 1)}"


def wishes(paths: Sequence[str], hosts: Sequence[str]) -> Iterator[dict[str, object]]:
    """The bodies of the requests.

    >>> list(wishes(["/*"], []))
    [{'purge_everything': True}]
    >>> list(wishes(["/index.html", "/assets/*"], ["www.example.org"]))
    [{'files': ['https://www.example.org/index.html']}, {'prefixes': ['www.example.org/assets/']}]
    """
    if EVERYTHING in paths:
        yield {"purge_everything": True}
        return
    files = [f"https://{host}{path}" for host in hosts for path in paths if not path.endswith("*")]
    prefixes = [f"{host}{path.rstrip('*')}" for host in hosts for path in paths if path.endswith("*")]
    for what, every in (("files", files), ("prefixes", prefixes)):
        for at in range(0, len(every), AT_ONCE):
            yield {what: every[at : at + AT_ONCE]}


def _place(zone: str) -> str:
    return f"/zones/{quote(zone, safe='')}"
