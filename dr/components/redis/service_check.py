"""Does the running Redis serve: is it a master, does it keep what is written, and does that survive its end?"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from redis import Redis
from redis import exceptions as native

from dr.components.redis.server import Server, said
from dr.configuration.components.redis import RedisSettings
from dr.errors import RecoveryFailed, SourceBusy, SourceError

_KEPT_SECONDS = 60
"""A key that could not be removed again goes by itself."""


@dataclass(frozen=True, slots=True)
class ServiceCheck:
    """``persistence`` as CONFIG has it, empty where that is refused. ``problems`` say which writing to disk failed."""

    version: str
    persistence: str
    persists: bool
    problems: tuple[str, ...]


def check_service(settings: RedisSettings) -> ServiceCheck:
    """Write a key of our own, read it, remove it. Raises ``SourceError`` when it does not answer, loads, or refuses."""
    server = Server(settings)
    with server.client() as client:
        info = client.info()
        if str(info.get("loading", "0")) != "0":
            raise SourceBusy(f"{server} is still loading its data", hint="Wait until it has, then ask again.")
        _write(server, client)
        persistence, persists = _persistence(client)
    return ServiceCheck(str(info.get("redis_version", "")), persistence, persists, tuple(_problems(info)))


def _write(server: Server, client: Redis) -> None:
    key, value = f"dr:verify-recovery:{secrets.token_hex(8)}", secrets.token_hex(8)
    try:
        client.set(key, value, ex=_KEPT_SECONDS)
        kept = client.get(key)
        client.delete(key)
    except (native.NoPermissionError, native.ReadOnlyError):
        raise
    except native.ResponseError as error:
        raise SourceError(
            f"{server} does not take what is written", said(error), "Its own message says why."
        ) from error
    if kept != value.encode():
        raise RecoveryFailed(f"{server} gave back something else than was written", hint="Is there a proxy before it?")


def _persistence(client: Redis) -> tuple[str, bool]:
    """In words, and whether anything of it survives a restart."""
    try:
        save = str(client.config_get("save").get("save", ""))
        appends = str(client.config_get("appendonly").get("appendonly", "no"))
    except native.ResponseError:
        return "", False
    return f"appendonly {appends}, save {save or 'never'}", appends == "yes" or bool(save)


def _problems(info: dict[str, object]) -> list[str]:
    told = []
    for name, what in (
        ("rdb_last_bgsave_status", "the last snapshot"),
        ("aof_last_bgrewrite_status", "the last rewrite of the append-only file"),
        ("aof_last_write_status", "the last write to the append-only file"),
    ):
        if str(info.get(name, "ok")) != "ok":
            told.append(f"{what} failed")
    return told
