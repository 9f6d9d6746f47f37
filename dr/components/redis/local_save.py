"""The snapshot of a Redis on this host that gives no replication stream: ordered by BGSAVE, read from its directory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from redis import Redis
from redis import exceptions as native

from dr.components.redis.server import Server, state_of
from dr.errors import SourceBusy, SourceError, SourceInvalid

DEADLINE_SECONDS = 3600.0
_PAUSE_SECONDS = 0.2
_FILE = "dump.rdb"


@contextmanager
def ordered(server: Server, directory: Path) -> Iterator[IO[bytes]]:
    """The file that a save begun after this call has written, opened: a later save replaces the name, not what we read.

    Raises SourceBusy when no save ended in time, SourceInvalid when Redis could not save.
    """
    with server.client() as client:
        path = directory / _name(client)
        before = _written(path)
        end = time.monotonic() + DEADLINE_SECONDS
        _begin(server, client, end)
        _wait(server, client, end)
        if not state_of(client.info()).last_save_ok:
            raise SourceInvalid(
                f"{server} could not save itself", hint="Look into its log and at the space where redis.local_dump is."
            )
    with _opened(path) as stream:
        if _written(path) == before:
            raise SourceError(
                f"{server} saved itself, and not into {path}",
                hint="redis.local_dump has to be the directory that CONFIG GET dir names.",
            )
        yield stream


def _name(client: Redis) -> str:
    """What the file is called; the usual name where CONFIG is not allowed."""
    with suppress(native.ResponseError):
        return Path(client.config_get("dbfilename").get("dbfilename") or _FILE).name
    return _FILE


def _begin(server: Server, client: Redis, end: float) -> None:
    """Begin a save: of one that had begun before, nobody knows whose moment it shows."""
    while True:
        _wait(server, client, end)
        try:
            client.execute_command("BGSAVE")
        except native.ResponseError as error:
            if "in progress" not in str(error):
                raise
        else:
            return


def _wait(server: Server, client: Redis, end: float) -> None:
    while state_of(client.info()).saving:
        if time.monotonic() > end:
            raise SourceBusy(f"{server} has been saving for {DEADLINE_SECONDS:.0f} s", hint="Run it again later.")
        time.sleep(_PAUSE_SECONDS)


def _written(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        stream = path.open("rb")
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read", str(error), "Correct redis.local_dump, or let this account read the file."
        ) from error
    with stream:
        yield stream
