"""A ``redis-server`` of our own on a restored file: no network, no writing, and it dies with us."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from redis import exceptions as native
from redis.backoff import NoBackoff
from redis.retry import Retry

from dr.components.redis.inventory import FILE
from dr.components.redis.programs import Program
from dr.pipeline.process import Child, Exit

LOAD_SECONDS = 3600.0
_PAUSE_SECONDS = 0.05
_LOG_BYTES = 4000


class NotStarted(Exception):
    """It did not come up: its exit (None: it was still loading at the end of the time) and the end of its log."""

    def __init__(self, ended: Exit | None, log: str) -> None:
        super().__init__(ended, log)
        self.ended = ended
        self.log = log


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A server that has loaded the file; ``seconds`` is how long that took."""

    socket: Path
    seconds: float

    def client(self, database: int = 0) -> Redis:
        """A client of one database."""
        return Redis(unix_socket_path=str(self.socket), db=database, protocol=2)


@contextmanager
def sandbox(program: Program, directory: Path, databases: int, scratch: Path) -> Iterator[Sandbox]:
    """Boot on ``directory``'s file and wait until it is loaded. Raises ``NotStarted``, or ``ToolError``."""
    log = scratch / "redis.log"
    begin = time.monotonic()
    # A socket's path may have 107 bytes, and the scratch directory's may be longer.
    with tempfile.TemporaryDirectory(prefix="dr-redis-", dir="/tmp") as private, log.open("wb") as output:
        place = Path(private) / "s"
        with Child("redis-server", _argv(program, place, directory, databases), stdout=output) as child:
            _wait(child, place, log)
            yield Sandbox(place, time.monotonic() - begin)


def _argv(program: Program, place: Path, directory: Path, databases: int) -> tuple[str | Path, ...]:
    settings = {
        "port": "0",
        "unixsocket": str(place),
        "unixsocketperm": "700",
        "dir": str(directory),
        "dbfilename": FILE,
        "databases": str(databases),
        "save": "",
        "appendonly": "no",
        "daemonize": "no",
    }
    return (program.path, *(word for name, value in settings.items() for word in (f"--{name}", value)))


def _wait(child: Child, place: Path, log: Path) -> None:
    end = time.monotonic() + LOAD_SECONDS
    client = Redis(unix_socket_path=str(place), protocol=2, socket_timeout=10, retry=Retry(NoBackoff(), 0))
    while True:
        ended = child.poll()
        if ended is not None or time.monotonic() > end:
            raise NotStarted(ended, log.read_bytes()[-_LOG_BYTES:].decode(errors="replace"))
        try:
            client.ping()
        except (native.ConnectionError, native.TimeoutError):
            time.sleep(_PAUSE_SECONDS)
        else:
            client.close()
            return
