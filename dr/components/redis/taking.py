"""Taking the copy: one pass from the server into the sink, looked at while it goes by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

from dr.catalog.manifest import ComponentContents
from dr.components.protocol import Sink
from dr.components.redis import inventory
from dr.components.redis.inventory import FILE, Inspection
from dr.components.redis.local_save import ordered
from dr.components.redis.rdb_cursor import NotRdb
from dr.components.redis.replication import snapshot
from dr.components.redis.server import Server, State
from dr.configuration.components.redis import RedisSettings
from dr.errors import ServerUnreachable, SourceInvalid

_READ_BYTES = 1 << 18
_TOLERANCE = 0.1


def notes_on(state: State) -> tuple[str, ...]:
    """What somebody should know who will restore the copy of such a server."""
    if not state.modules:
        return ()
    return (f"Redis has modules loaded ({', '.join(state.modules)}): a server without them may not load the copy",)


def warnings_of(state: State) -> Iterator[str]:
    """Why a copy of such a server is not the whole of what somebody may take it for."""
    if state.cluster:
        yield "it is one node of a Redis Cluster: this copy holds its slots only, back up every master"
    if state.role != "master" and not state.linked:
        yield "it is a replica that has lost its master: the copy shows an older moment"


def take(settings: RedisSettings, sink: Sink) -> ComponentContents:
    """Write ``dump.rdb``. Raises ServerUnreachable when it was cut, SourceInvalid when it is no whole RDB file."""
    server = Server(settings)
    before = server.state()
    asked = datetime.now(UTC)
    inspection = Inspection()
    with _source(server, settings) as (chunks, origin), sink.object(FILE) as intake:
        try:
            for data in chunks:
                inspection.feed(data)
                intake.write(data)
            inspection.finish()
        except NotRdb as error:
            raise SourceInvalid(
                f"{server} gave something that is no whole RDB file",
                str(error),
                "Run it again; then look into its log.",
            ) from error
    facts = {**_facts(before), **origin, **inventory.facts(inspection)}
    after = _after(server)
    if after is not None:
        facts["keys before and after"] = f"{before.total}, {after.total}"
    return ComponentContents(
        _moment(inspection, asked),
        inventory.items(inspection.walk),
        warnings=(*warnings_of(before), *missing(inspection, before, after)),
        notes=(*notes_on(before), *_weaknesses(inspection)),
        facts=facts,
    )


@contextmanager
def _source(server: Server, settings: RedisSettings) -> Iterator[tuple[Iterator[bytes], dict[str, str]]]:
    """The bytes, and where they come from."""
    if settings.local_dump is not None:
        with ordered(server, settings.local_dump) as stream:
            yield iter(partial(stream.read, _READ_BYTES), b""), {"method": "BGSAVE"}
        return
    with snapshot(server) as found:
        origin = {
            "method": "replication stream",
            "replication id": found.replication_id,
            "replication offset": str(found.offset),
        }
        yield found.chunks, origin


def _facts(state: State) -> dict[str, str]:
    return {
        "server version": state.version,
        "run id": state.run_id,
        "role": state.role,
        "used memory": str(state.used_memory),
        "maxmemory policy": state.policy,
        "appendonly": "yes" if state.appends else "no",
        "modules": ", ".join(state.modules),
    }


def _after(server: Server) -> State | None:
    """What it holds now. The copy is whole: a server that died since does not spoil it."""
    try:
        return server.state()
    except ServerUnreachable:
        return None


def _moment(inspection: Inspection, asked: datetime) -> datetime:
    """When the server began to write it, by its own clock and in whole seconds."""
    stamp = inspection.walk.auxiliary.get("ctime", "")
    return datetime.fromtimestamp(int(stamp), UTC) if stamp.isdecimal() else asked


def _weaknesses(inspection: Inspection) -> Iterator[str]:
    if inspection.walk.unknown:
        yield f"its keys were not counted, for it holds what this program does not know: {inspection.walk.unknown}"
    if not inspection.has_checksum:
        yield "its RDB has no checksum of its own: set rdbchecksum yes"


def missing(inspection: Inspection, before: State, after: State | None) -> Iterator[str]:
    """Far fewer or more keys than the server said it had, just before and just after."""
    if inspection.walk.unknown:
        return
    total = sum(item.count for item in inventory.items(inspection.walk))
    counts = [before.total, *([] if after is None else [after.total])]
    if not min(counts) * (1 - _TOLERANCE) <= total <= max(counts) * (1 + _TOLERANCE) + 1:
        yield f"it holds {total} keys, and the server had {' and then '.join(map(str, counts))}"
