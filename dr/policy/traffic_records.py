"""The records by which a name leads somewhere: A, AAAA, CNAME and alias, as values that can be compared. Pure.

A name is led by all of its records of these types together: an address of version 6 that stayed behind would go on
leading some to the old side. All other types (TXT, MX, ...) are nobody's business here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address

import msgspec

from dr.errors import ConfigurationError

LEADING = ("A", "AAAA", "CNAME")
"""The types of records that lead somewhere."""
ALIAS = "alias:"
ALIAS_SECONDS = 60
"""How long the address behind an alias is kept: that of Amazon's own load balancers and distributions."""
_HOST = re.compile(r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


@dataclass(frozen=True, slots=True, order=True)
class Record:
    """All values of one name and type. ``ttl`` is seconds; 0 where the provider decides.

    ``alias`` is Route 53's zone and host instead of values, ``checked`` whether it asks for the target's health.
    ``proxied`` and ``comment`` are Cloudflare's, ``health_check`` is Route 53's.
    """

    type: str
    values: tuple[str, ...] = ()
    ttl: int = 0
    alias: tuple[str, str] | None = None
    checked: bool = False
    health_check: str = ""
    proxied: bool = False
    comment: str = ""

    def described(self) -> str:
        if self.alias is not None:
            return f"{self.type} alias of {self.alias[1]}"
        more = ", proxied" if self.proxied else f", TTL {self.ttl} s" if self.ttl else ""
        return f"{self.type} {', '.join(self.values)}{more}"

    @property
    def leads_to(self) -> tuple[str, tuple[str, ...], tuple[str, str] | None]:
        """What counts for who asks, whatever the time to live is."""
        return self.type, self.values, self.alias


def described(records: Sequence[Record]) -> str:
    """For people."""
    return "; ".join(record.described() for record in records) or "nothing"


def written(records: Iterable[Record]) -> str:
    """As text that ``read`` takes; the same for the same records."""
    return msgspec.json.encode(sorted(records)).decode()


def read(text: str) -> tuple[Record, ...]:
    """What ``written`` wrote."""
    return msgspec.json.decode(text, type=tuple[Record, ...])


def wanted_records(setting: str, name: str, values: Sequence[str], ttl: int) -> tuple[Record, ...]:
    """The records by which ``name`` leads to ``values``. Raises ``ConfigurationError`` for what cannot be.

    >>> [one.described() for one in wanted_records("dns.standby", "shop.example.org", ["192.0.2.7", "2001:db8::7"], 60)]
    ['A 192.0.2.7, TTL 60 s', 'AAAA 2001:db8::7, TTL 60 s']
    """
    by_type: dict[str, list[str]] = {}
    aliases: list[tuple[str, str]] = []
    for value in values:
        if value.startswith(ALIAS):
            aliases.append(_alias(setting, value))
        else:
            kind, text = _typed(setting, value)
            by_type.setdefault(kind, []).append(text)
    if len(by_type.get("CNAME", ())) + len(aliases) > 1 or (
        (by_type.keys() & {"CNAME"} or aliases) and len(values) > 1
    ):
        raise ConfigurationError(
            f"{setting}: {name} cannot lead to {', '.join(values)}",
            "a name is led by one host name, or by addresses",
            "Give one host name or alias, or any number of addresses.",
        )
    records = [Record(kind, tuple(sorted(set(found))), ttl) for kind, found in by_type.items()]
    records += [Record("A", alias=alias) for alias in aliases]
    return tuple(sorted(records))


def kept_time(records: Sequence[Record], before: Sequence[Record], *, shorten: bool) -> tuple[Record, ...]:
    """``records`` with the time to live that the name had before: where it is shorter, otherwise where it is longer."""
    old = min((one.ttl for one in before if one.ttl), default=0)
    if not old:
        return tuple(records)
    chosen = min if shorten else max
    return tuple(replace(one, ttl=chosen(one.ttl, old)) if one.ttl else one for one in sorted(records))


def lead_alike(some: Sequence[Record], others: Sequence[Record]) -> bool:
    """Whether a name leads to the same by both."""
    return sorted(one.leads_to[:2] for one in some) == sorted(one.leads_to[:2] for one in others) and {
        one.alias for one in some
    } == {one.alias for one in others}


def same_but_for_time(some: Sequence[Record], others: Sequence[Record]) -> bool:
    """Whether they differ in their times to live at most."""
    return sorted(replace(one, ttl=0) for one in some) == sorted(replace(one, ttl=0) for one in others)


def _typed(setting: str, value: str) -> tuple[str, str]:
    try:
        address = ip_address(value)
    except ValueError:
        host = value.rstrip(".").lower()
        if not _HOST.fullmatch(host):
            raise ConfigurationError(
                f"{setting}: {value!r} is neither an address nor a host name",
                hint="Write 203.0.113.7, 2001:db8::7, host.example.org, alias:ZONE:HOST or terraform:OUTPUT.",
            ) from None
        return "CNAME", host
    return ("A" if address.version == 4 else "AAAA"), str(address)


def _alias(setting: str, value: str) -> tuple[str, str]:
    zone, _, host = value.removeprefix(ALIAS).partition(":")
    host = host.rstrip(".").lower()
    if not zone or not _HOST.fullmatch(host):
        raise ConfigurationError(
            f"{setting}: {value!r} is no alias", hint="Write alias:ZONE:HOST, the zone being that of the target."
        )
    return zone, host
