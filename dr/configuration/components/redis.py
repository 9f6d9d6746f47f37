"""Settings of the component ``redis``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from dr.configuration import parsers
from dr.configuration.components.declared import given
from dr.secret import Secret

_FORMS = "redis://user:password@host:port, rediss:// for TLS, or unix:///path/to/socket"


def check_redis_url(value: str) -> None:
    """Refuse what is no Redis address, before a password can end up in somebody else's message."""
    try:
        parts = urlsplit(value)
        port, database = parts.port, parts.path.strip("/")
    except ValueError:
        raise ValueError(f"must be {_FORMS}") from None
    if parts.scheme == "unix":
        good = parts.path.startswith("/")
    else:
        good = parts.scheme in ("redis", "rediss") and port != 0 and (not database or database.isdecimal())
    if not good:
        raise ValueError(f"must be {_FORMS}")


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """Where Redis is and how its copy is taken; all its databases are, whichever the address names.

    ``cache_only`` says that losing it costs nothing but time: the copy is taken all the same, and that it could not be
    taken is no failure. ``local_dump`` is for a Redis on this host that gives no replication stream: a snapshot is
    ordered and read from that directory.
    """

    url: Secret | None = given(parsers.secret, f"the Redis to protect: {_FORMS}", check=check_redis_url)
    ca_file: Path | None = given(parsers.path, "certificates that rediss:// trusts; the system's own when absent")
    cache_only: bool = given(
        parsers.flag, "whether nothing is lost with it: a missing backup is then no failure", False
    )
    local_dump: Path | None = given(
        parsers.path, "directory of its dump.rdb on this host: BGSAVE instead of the replication stream"
    )
