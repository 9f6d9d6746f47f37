"""How long a commit waits until it is stored: a real receiver beside a real load, looked at from outside.

A marker is committed ten times a second. It is stored once the local store's index reaches the WAL position that the
server had flushed right after the commit.
"""

from __future__ import annotations

import bisect
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.wal_place import WalPlace, pgbench
from dr.configuration.model import EncryptionSettings, PostgresSettings, StoreSettings, System, WalSettings
from dr.demo.configuration_file import environment_for, write_configuration
from dr.errors import PipelineError
from dr.operations.wal.catch_up import stored_end
from dr.postgres.cluster import Recipe, Server, running
from dr.postgres.connection import connected

_MARK_SECONDS = 0.1
_LOOK_SECONDS = 0.05
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Lag:
    """Seconds from commit to stored, over ``commits`` markers, while the server wrote ``wal_mb_per_second``."""

    load: str
    partial_seconds: int
    commits: int
    wal_mb_per_second: float
    p50: float
    p99: float
    longest: float


def lag(place: WalPlace, seconds: int, *, full_load: bool, partial_seconds: int) -> Lag:
    """Run the server with a load for that long, a receiver beside it."""
    work = place.work / f"lag-{time.monotonic_ns()}"
    work.mkdir()
    with running(place.data, place.installation, Recipe({"wal_level": "replica", "max_wal_senders": "4"})) as server:
        system = System(
            name="bench",
            postgres=PostgresSettings(server.url_for("postgres"), bin_directories=(place.installation.directory,)),
            stores=(StoreSettings("local", "local", path=work / "store"),),
            encryption=EncryptionSettings(recipients=(place.key.fingerprint,), gnupg_home=place.key.home),
            wal=WalSettings(partial_seconds=partial_seconds),
            state_directory=work / "state",
        )
        with _receiver(system, work):
            return _watch(system, server, place, seconds, full_load=full_load)


@contextmanager
def _receiver(system: System, work: Path) -> Iterator[None]:
    """`dr wal receive` as a process of its own, begun when it has stored something."""
    file = write_configuration(work, system)
    with file.open("a", encoding="utf-8") as text:
        text.write(f"\n[system.{system.name}.wal]\npartial_seconds = {system.wal.partial_seconds}\n")
    with (work / "receiver.log").open("wb") as log:
        process = subprocess.Popen(
            (sys.executable, "-m", "dr.cli", "wal", "receive"),
            env={**os.environ, **environment_for(file, system), "PYTHONPATH": str(Path.cwd())},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + _PATIENCE_SECONDS
            while stored_end(system)[0] is None:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise PipelineError(
                        "the receiver stores nothing", detail=(work / "receiver.log").read_text()[-2000:]
                    )
                time.sleep(0.2)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class _Marks(threading.Thread):
    """Commits markers until it is told to stop: when each was acknowledged, and the WAL position then."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self._url = server.url_for("postgres")
        self.ended = threading.Event()
        self.marks: list[tuple[int, float]] = []

    def run(self) -> None:
        with connected(self._url) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS marks (at timestamptz DEFAULT clock_timestamp())")
            while not self.ended.wait(_MARK_SECONDS):
                connection.execute("INSERT INTO marks DEFAULT VALUES")
                at = time.monotonic()
                row = connection.execute("SELECT pg_current_wal_flush_lsn() - '0/0'::pg_lsn AS flushed").fetchone()
                self.marks.append((int(row["flushed"]) if row else 0, at))


def _watch(system: System, server: Server, place: WalPlace, seconds: int, *, full_load: bool) -> Lag:
    marks = _Marks(server)
    arguments = ("--client=2", f"--time={seconds}", "--no-vacuum", *(() if full_load else ("--rate=5",)))
    load = threading.Thread(target=pgbench, args=(server, place.installation, *arguments), daemon=True)
    seen: list[tuple[int, float]] = []
    begin = time.monotonic()
    marks.start()
    load.start()
    while load.is_alive():
        _look(system, seen)
    marks.ended.set()
    marks.join()
    load_seconds = time.monotonic() - begin
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while seen[-1][0] < marks.marks[-1][0] and time.monotonic() < deadline:
        _look(system, seen)
    ends = [end for end, _ in seen]
    lags = []
    for position, at in marks.marks:
        place_in = bisect.bisect_left(ends, position)
        if place_in == len(seen):
            raise PipelineError("the receiver never stored the last commits")
        lags.append(max(seen[place_in][1] - at, 0.0))
    quantiles = statistics.quantiles(lags, n=100)
    written = (marks.marks[-1][0] - marks.marks[0][0]) / 1e6 / load_seconds
    name = "pgbench, 2 clients, as fast as it goes" if full_load else "pgbench, 5 transactions a second"
    return Lag(name, system.wal.partial_seconds, len(lags), written, quantiles[49], quantiles[98], max(lags))


def _look(system: System, seen: list[tuple[int, float]]) -> None:
    end, _ = stored_end(system)
    if end is not None and (not seen or end.position > seen[-1][0]):
        seen.append((end.position, time.monotonic()))
    time.sleep(_LOOK_SECONDS)
