"""The running Redis: connecting to it, what it says of itself, and its refusals in our words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

from redis import ConnectionPool, Redis
from redis import exceptions as native
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection
from redis.retry import Retry

from dr.configuration.components.redis import RedisSettings
from dr.errors import (
    AuthenticationFailed,
    ConfigurationError,
    PrivilegeMissing,
    ServerUnreachable,
    SourceBusy,
    SourceError,
    TargetRefused,
)

CONNECT_SECONDS = 10
SILENT_SECONDS = 60
"""A server that has a long answer to prepare says something every ten seconds."""
_RULE = "ACL SETUSER backup +ping +info +psync +replconf +select (+bgsave with redis.local_dump)"


@dataclass(frozen=True, slots=True)
class State:
    """What INFO says; ``keys`` by database, expired ones that were not yet removed included."""

    version: str
    run_id: str
    role: str
    offset: int
    linked: bool
    loading: bool
    cluster: bool
    modules: tuple[str, ...]
    used_memory: int
    policy: str
    appends: bool
    keys: Mapping[int, int]
    saving: bool
    last_save_ok: bool

    @property
    def total(self) -> int:
        return sum(self.keys.values())


class Server:
    """The Redis of the settings, or of ``url`` on this host. ``str`` names it without user or password."""

    def __init__(self, settings: RedisSettings) -> None:
        if settings.url is None:
            raise ConfigurationError("no Redis is configured", hint="Set redis.url.")
        self._url = settings.url
        self._ca_file = settings.ca_file
        parts = urlsplit(self._url.reveal())
        self._tls = parts.scheme == "rediss"
        self._name = parts.path if parts.scheme == "unix" else f"{parts.hostname or 'localhost'}:{parts.port or 6379}"

    def __str__(self) -> str:
        return f"Redis at {self._name}"

    def _pool(self, database: int | None = None) -> ConnectionPool:
        trusted = {"ssl_ca_certs": str(self._ca_file)} if self._tls and self._ca_file is not None else {}
        pool = ConnectionPool.from_url(
            self._url.reveal(),
            protocol=2,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=SILENT_SECONDS,
            retry=Retry(NoBackoff(), 0),  # a step is tried again by the flow, from its beginning
            driver_info=None,
            **trusted,
        )
        if database is not None:
            pool.connection_kwargs["db"] = database
        return pool

    @contextmanager
    def client(self, database: int | None = None) -> Iterator[Redis]:
        """Somebody to give commands to; what Redis refuses is raised in our words."""
        with self.speaking():
            client = Redis(connection_pool=self._pool(database))
            try:
                yield client
            finally:
                client.connection_pool.disconnect()

    @contextmanager
    def connection(self) -> Iterator[AbstractConnection]:
        """A connection of our own, logged in. What is done with it is not translated: see ``speaking``."""
        connection = cast("AbstractConnection", self._pool().make_connection())
        try:
            with self.speaking():
                connection.connect()
            yield connection
        finally:
            connection.disconnect()

    def state(self) -> State:
        """What it says of itself."""
        with self.client() as client:
            return state_of(client.info())

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """Turns what redis-py raises into our errors."""
        try:
            yield
        except native.BusyLoadingError as error:
            raise SourceBusy(
                f"{self} is still loading its data", str(error), "Wait until it has, then run again."
            ) from error
        except (native.AuthenticationError, native.AuthenticationWrongNumberOfArgsError) as error:
            raise AuthenticationFailed(
                f"{self} refuses the user or password of redis.url", str(error), "Correct redis.url."
            ) from error
        except native.NoPermissionError as error:
            raise PrivilegeMissing(
                f"{self} does not let this user do what the step needs",
                str(error),
                f"Let an administrator run: {_RULE}",
            ) from error
        except native.ReadOnlyError as error:
            raise TargetRefused(f"{self} is a replica", str(error), "Name its master in redis.url.") from error
        except (native.ConnectionError, native.TimeoutError, OSError) as error:
            raise ServerUnreachable(
                f"{self} does not answer", str(error), "Is it running, and is redis.url its address?"
            ) from error
        except native.ResponseError as error:
            raise _refused(self, error) from error


def said(error: native.ResponseError) -> str:
    """Its message without the arguments that it may quote: they can be somebody's data."""
    return str(error).partition(", with args beginning")[0]


def _refused(server: Server, error: native.ResponseError) -> SourceError:
    text = said(error)
    if "NOAUTH" in text or "WRONGPASS" in text or "Authentication required" in text:
        return AuthenticationFailed(f"{server} wants a password", text, "Give it in redis.url.")
    return SourceError(f"{server} refuses", text, "Its own message says why.")


def state_of(info: Mapping[str, object]) -> State:
    """The part of INFO that we use. Managed servers leave out some of it."""

    def word(name: str, default: str = "") -> str:
        return str(info.get(name, default))

    def number(name: str) -> int:
        return int(word(name, "0"))

    keys = {
        int(name.removeprefix("db")): int(cast("Mapping[str, int]", space)["keys"])
        for name, space in info.items()
        if name.startswith("db") and name[2:].isdecimal() and isinstance(space, dict)
    }
    modules = cast("list[Mapping[str, object]]", info.get("modules") or [])
    return State(
        version=word("redis_version"),
        run_id=word("run_id"),
        role=word("role", "master"),
        offset=number("master_repl_offset"),
        linked=word("master_link_status", "up") == "up",
        loading=number("loading") != 0,
        cluster=number("cluster_enabled") != 0,
        modules=tuple(str(module.get("name", "?")) for module in modules),
        used_memory=number("used_memory"),
        policy=word("maxmemory_policy"),
        appends=number("aof_enabled") != 0,
        keys=keys,
        saving=number("rdb_bgsave_in_progress") != 0 or number("aof_rewrite_in_progress") != 0,
        last_save_ok=word("rdb_last_bgsave_status", "ok") == "ok",
    )
