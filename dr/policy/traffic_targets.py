"""The servers behind a load balancer, as values that can be compared. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

import msgspec

from dr.errors import ConfigurationError

_INSTANCE = re.compile(r"i-[0-9a-f]{8,17}")
_WRITTEN = re.compile(r"(?P<id>\[[^\]]+\]|[^:\[\]]+|[0-9a-fA-F:]+:[0-9a-fA-F:]*)(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One server: an instance's id or an address, and the port that requests go to.

    ``zone`` is ``all`` for an address outside of the balancer's network, otherwise most often empty.
    """

    id: str
    port: int
    zone: str = ""

    def __str__(self) -> str:
        return f"[{self.id}]:{self.port}" if ":" in self.id else f"{self.id}:{self.port}"


def parse_target(setting: str, text: str, port: int) -> Target:
    """What an operator wrote; ``port`` is the group's own. Raises ``ConfigurationError``.

    >>> str(parse_target("balancer.standby", "i-0123456789abcdef0", 80))
    'i-0123456789abcdef0:80'
    >>> str(parse_target("balancer.standby", "[2001:db8::7]:8443", 80))
    '[2001:db8::7]:8443'
    """
    found = _WRITTEN.fullmatch(text)
    name = found["id"].strip("[]") if found else text
    if found is None or not (_INSTANCE.fullmatch(name) or _is_address(name)):
        raise ConfigurationError(
            f"{setting}: {text!r} is neither an instance nor an address",
            hint="Write i-0123456789abcdef0, 10.0.0.7 or [2001:db8::7], with :PORT where it is not the group's.",
        )
    return Target(name, int(found["port"] or port))


def described(targets: Sequence[Target]) -> str:
    """For people."""
    return ", ".join(str(target) for target in sorted(targets)) or "no server"


def written(targets: Iterable[Target]) -> str:
    """As text that ``read`` takes; the same for the same servers."""
    return msgspec.json.encode(sorted(targets)).decode()


def read(text: str) -> frozenset[Target]:
    """What ``written`` wrote."""
    return frozenset(msgspec.json.decode(text, type=tuple[Target, ...]))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
