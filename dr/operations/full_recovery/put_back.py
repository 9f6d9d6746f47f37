"""Putting Redis and secrets back into what holds them; a run that was killed in the midst can be gone on with."""

from __future__ import annotations

import time
from dataclasses import dataclass

from dr.components.protocol import Laid
from dr.components.redis.inventory import FILE
from dr.components.redis.question import opened
from dr.components.redis.rdb import Key, Walk
from dr.components.redis.server import Server
from dr.configuration.model import System
from dr.errors import DrError, TargetRefused
from dr.operations.component.restore import RestoredComponent, find_component, put_back_component
from dr.operations.full_recovery.destinations import secret_sources
from dr.operations.full_recovery.parts import RestoredPart, directory_of

_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.25
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class PutBack:
    """How much went back, and what a person should know or do."""

    count: int
    bytes: int
    notes: tuple[str, ...]
    left: tuple[str, ...] = ()


def put_secrets_back(system: System, restored: RestoredPart) -> PutBack:
    """Those whose store is set up here; the others are left for people."""
    ready, left = secret_sources(system, find_component(system, restored.label).manifest)
    found = put_back(system, restored, ready)
    told = (f"put the secrets of {', '.join(left)} back: they lie in {restored.directory}",) if left else ()
    return PutBack(found.count, found.bytes, found.notes, told)


def put_back(system: System, restored: RestoredPart, wanted: tuple[str, ...] = ()) -> PutBack:
    """A part whose putting back leaves alone what is right already: secrets, states of Terraform."""
    manifest = find_component(system, restored.label).manifest
    laid = Laid(restored.count, restored.bytes)
    found = put_back_component(
        system, RestoredComponent(manifest, restored.directory, restored.store, laid, (), ()), wanted
    )
    return PutBack(found.count, found.bytes, found.notes)


def require_empty_redis(system: System) -> int:
    """Wait until it answers and see that it holds nothing: what is in it later is ours. The number of its keys."""
    server = Server(system.components.redis)
    total = _keys_when_it_answers(server)
    if total:
        raise TargetRefused(
            f"{server} is not empty",
            f"it holds {total} keys",
            "Nothing is overwritten: empty it yourself, or see whose.",
        )
    return total


def _keys_when_it_answers(server: Server) -> int:
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return server.state().total
        except DrError as error:
            if not error.retryable or time.monotonic() > until:
                raise
        time.sleep(_PAUSE_SECONDS)


def put_back_redis(system: System, restored: RestoredPart, again: bool) -> PutBack:
    """Key by key. ``again``: a run after ``require_empty_redis`` was cut off in this; what it has put in is taken out.

    Only the keys that the backup names are: had somebody else written there since, it would be refused.
    """
    if again:
        _take_out(Server(system.components.redis), restored)
    return put_back(system, restored)


def _take_out(server: Server, restored: RestoredPart) -> None:
    names: dict[int, list[bytes]] = {}
    with opened(directory_of(restored) / FILE) as data:
        walk = Walk(lambda key: _note(names, key))
        walk.over(data)
    for database, keys in names.items():
        with server.client(database) as client:
            for begin in range(0, len(keys), _BATCH):
                client.unlink(*keys[begin : begin + _BATCH])
            if walk.functions:
                client.execute_command("FUNCTION", "FLUSH")


def _note(names: dict[int, list[bytes]], key: Key) -> None:
    names.setdefault(key.database, []).append(key.name)
