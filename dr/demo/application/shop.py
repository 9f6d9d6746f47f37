"""What the application does with its database and its Redis."""

from __future__ import annotations

import dataclasses
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from dr.demo.application.settings import ShopSettings
from dr.demo.journal import Row
from dr.demo.queries import query
from dr.errors import DrError
from dr.postgres.connection import connected
from dr.postgres.digests import TEXT_FORMAT

SESSION_SECONDS = 3600
_SILENT_SECONDS = 2
_CATALOGUE = "cache:catalogue"


class Shop:
    """One application over its two services. Every request brings connections of its own, so that none is stale."""

    def __init__(self, settings: ShopSettings) -> None:
        self._settings = settings

    def health(self) -> tuple[bool, dict[str, str]]:
        """Whether both services answer now, and what of them to tell."""
        told = {"release": self._settings.release, "database": self._database(), "redis": self._cache()}
        well = told["database"] == "ok" and told["redis"] in ("ok", "none")
        return well, {"status": "healthy" if well else "unhealthy", **told}

    def session(self, token: str) -> dict[str, object]:
        """Whose session this is; empty where nobody is signed in."""
        with self._redis() as redis:
            found = redis.get(f"session:{token}") if redis is not None and token else None
        return {"user": int(found)} if isinstance(found, bytes) and found.isdigit() else {}

    def sign_in(self, user: int) -> str:
        """A new session's token."""
        token = secrets.token_urlsafe(18)
        with self._redis() as redis:
            if redis is not None:
                redis.set(f"session:{token}", user, ex=SESSION_SECONDS)
        return token

    def order(self, wish: Mapping[str, object]) -> dict[str, object]:
        """Take an order; it is committed when this returns, which is its acknowledgement."""
        values = {"reference": str(wish["reference"]), "user_id": int(str(wish["user"])), "lines": 2}
        with connected(self._settings.database) as connection:
            for statement in TEXT_FORMAT:
                connection.execute(statement)
            with connection.transaction():
                found = [Row(**row) for row in connection.execute(query("write_order"), values)]
        return {"reference": values["reference"], "rows": [dataclasses.asdict(row) for row in found]}

    def catalogue(self) -> dict[str, object]:
        """What everybody looks at first, from the cache where it is filled."""
        with self._redis() as redis:
            cached = redis.get(_CATALOGUE) if redis is not None else None
            if isinstance(cached, bytes):
                return {**json.loads(cached), "cached": True}
            with connected(self._settings.database) as connection:
                row = connection.execute("SELECT count(*) AS users FROM shop.users").fetchone()
            made: dict[str, object] = {"users": row["users"] if row else 0}
            if redis is not None:
                redis.set(_CATALOGUE, json.dumps(made), ex=SESSION_SECONDS)
        return {**made, "cached": False}

    def _database(self) -> str:
        try:
            with connected(self._settings.database) as connection:
                connection.execute("SELECT 1 FROM shop.users LIMIT 1").fetchone()
        except DrError as error:
            return error.message
        return "ok"

    def _cache(self) -> str:
        try:
            with self._redis() as redis:
                if redis is None:
                    return "none"
                redis.ping()
        except (RedisError, OSError) as error:
            return str(error)
        return "ok"

    @contextmanager
    def _redis(self) -> Iterator[Redis | None]:
        """A client, or None where the shop has no Redis. Raises ``RedisError`` when it does not answer."""
        if self._settings.redis is None:
            yield None
            return
        client = Redis.from_url(
            self._settings.redis.reveal(),
            socket_connect_timeout=_SILENT_SECONDS,
            socket_timeout=_SILENT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            yield client
        finally:
            client.close()
