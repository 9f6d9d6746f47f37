"""What the application is told by its environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from dr.secret import Secret

DATABASE_URL, REDIS_URL, PORT = "SHOP_DATABASE_URL", "SHOP_REDIS_URL", "SHOP_PORT"
_CONNECT_SECONDS = 2
"""A health check has to tell of a database that hangs before whoever asks gives up."""


@dataclass(frozen=True, slots=True)
class ShopSettings:
    """``release`` is the name of the directory that the started program lies in."""

    database: Secret
    redis: Secret | None
    port: int
    release: str


def settings_from(environ: Mapping[str, str] = os.environ) -> ShopSettings:
    """Read the environment. Raises ``KeyError`` for what is missing."""
    database = environ[DATABASE_URL]
    joined = "&" if urlsplit(database).query else "?"
    redis = environ.get(REDIS_URL, "")
    return ShopSettings(
        Secret(f"{database}{joined}connect_timeout={_CONNECT_SECONDS}"),
        Secret(redis) if redis else None,
        int(environ[PORT]),
        Path(sys.argv[0]).resolve().parent.name,
    )
