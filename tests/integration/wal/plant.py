"""A server that tests start, stop and kill, the system around it, and what its stores then hold."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg

from dr.catalog import labels
from dr.catalog.lsn import Lsn
from dr.catalog.wal_index import StoredSegment
from dr.catalog.wal_names import Segment
from dr.configuration.model import EncryptionSettings, PostgresSettings, StoreSettings, System, WalSettings
from dr.demo.configuration_file import write_configuration
from dr.operations.repositories import open_repository
from dr.operations.wal.status import read_status
from dr.policy.wal_coverage import WalHoldings
from dr.postgres.cluster import Recipe, Server, create_cluster, running
from dr.postgres.connection import Connection, connected
from dr.postgres.installations import Installation, installed, server_for
from dr.secret import Secret
from dr.storage.wal_catalogue import StoreWal, WalCatalogue
from tests.cluster_template import new_cluster
from tests.integration.cli.command import Dr, wait_until
from tests.integration.conftest import ROOT, free_port
from tests.unit.crypto.keyrings import People

NAME = "shop"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "wal_level": "replica",
    "max_wal_senders": "6",
    "fsync": "off",
    "shared_buffers": "32MB",
    "checkpoint_timeout": "1h",
    "lc_messages": "C",
}


def majors() -> list[int]:
    """Every major of which there is a server."""
    return sorted({item.major for item in installed() if item.has_server})


@dataclass(slots=True)
class Plant:
    """A cluster and its server, which always listens at the same address."""

    directory: Path
    installation: Installation
    port: int
    settings: dict[str, str] = field(default_factory=dict)
    server: Server | None = None
    _stack: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> Secret:
        return Secret(f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres")

    def begin(self, **settings: str) -> None:
        """Start the server."""
        self.settings |= settings
        recipe = Recipe({**SETTINGS, "port": str(self.port), **self.settings}, isolated=False)
        self.server = self._stack.enter_context(running(self.directory, self.installation, recipe))

    def end(self) -> None:
        """Stop it, as an operator does."""
        self._stack.close()
        self.server = None

    def kill(self) -> None:
        """Kill all of it, at once."""
        assert self.server is not None
        self.server.process.kill()
        self.end()

    def execute(self, *statements: str) -> None:
        with connected(self.url) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def scalar(self, statement: str) -> str:
        with connected(self.url) as connection:
            row = connection.execute(statement.encode()).fetchone()
            assert row is not None
            return str(next(iter(row.values())))

    def fill(self, segments: int = 1) -> None:
        """Write at least that many segments of WAL that compress as real ones do, and close the last."""
        with connected(self.url) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS filler (id bigserial, text text)")
            for _ in range(segments):
                write_some(connection)
                connection.execute("SELECT pg_switch_wal()")

    def flushed(self) -> Lsn:
        return Lsn.parse(self.scalar("SELECT pg_current_wal_flush_lsn()"))


def write_some(connection: Connection, rows: int = 2000) -> None:
    """Rows that compress as real ones do."""
    connection.execute(
        "INSERT INTO filler (text) SELECT repeat(md5(random()::text), 8) FROM generate_series(1, %s)", (rows,)
    )


@contextmanager
def new_plant(directory: Path, major: int, *arguments: str, **settings: str) -> Iterator[Plant]:
    """A new cluster, its server running."""
    installation = server_for(major)
    if arguments:
        create_cluster(directory, installation, *arguments)
    else:
        new_cluster(directory, installation)
    plant = Plant(directory, installation, free_port(), settings)
    plant.begin()
    try:
        yield plant
    finally:
        plant.end()


@dataclass(slots=True)
class Site:
    """A system around a server."""

    plant: Plant
    people: People
    directory: Path
    stores: tuple[StoreSettings, ...]
    wal: WalSettings = field(default_factory=lambda: WalSettings(partial_seconds=1))
    encryption: EncryptionSettings | None = None

    @property
    def system(self) -> System:
        return System(
            name=NAME,
            postgres=PostgresSettings(self.plant.url),
            stores=self.stores,
            encryption=self.encryption or self.people.settings,
            wal=self.wal,
            state_directory=self.directory / "state",
        )

    @property
    def spool(self) -> Path:
        return self.system.wal_spool

    def dr(self) -> Dr:
        """The command line of this system."""
        place = self.directory / f"operator-{time.monotonic_ns()}"
        place.mkdir()
        system = self.system
        file = write_configuration(place, system)
        wal = system.wal
        lines = [
            f"[system.{NAME}.wal]",
            f'method = "{wal.method}"',
            f"partial_seconds = {wal.partial_seconds}",
            f"workers = {wal.workers}",
            *([f'spool = "{wal.spool}"'] if wal.spool else []),
        ]
        text = file.read_text(encoding="utf-8")
        before, _, _ = text.partition(f"[system.{NAME}.wal]")
        file.write_text(before + "\n" + "\n".join(lines) + "\n", encoding="utf-8")
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
        return Dr({**kept, "PYTHONPATH": str(ROOT), "DR_CONFIG": str(file), "DR_SYSTEM": NAME}, self.directory)

    def index(self, store: str = "local") -> StoreWal:
        """What a store's index says."""
        repository = open_repository(self.system)
        return WalCatalogue(NAME, repository.stores.values()).read(store)

    def holdings(self, store: str = "local") -> WalHoldings:
        return WalHoldings(self.index(store).blocks)

    def segments(self, store: str = "local") -> dict[str, StoredSegment]:
        """The closed segments that a store has an entry of."""
        return {item.name: item for block in self.index(store).blocks for item in block.segments}

    def opened(self, segment: str, store: str = "local") -> bytes:
        """A stored segment, opened by stock programs."""
        key = labels.wal_key(NAME, Segment.parse(segment))
        return self.opened_key(key, store)

    def opened_key(self, key: str, store: str = "local") -> bytes:
        data = open_repository(self.system).store(store).read_bytes(key)
        packed = self.people.ring.gpg("--decrypt", data=data)
        done = subprocess.run(("zstd", "-d", "-c"), input=packed, capture_output=True, check=True)
        return done.stdout

    def end_of_index(self, store: str = "local", timeline: int = 1) -> int:
        """The last byte of WAL that the index knows of, as a position."""
        ends = [0]
        for block in self.index(store).blocks:
            if block.timeline != timeline:
                continue
            ends += [block.geometry.end(item.segment).position for item in block.segments]
            ends += [block.geometry.begin(item.segment).position + item.valid_bytes for item in block.partials]
        return max(ends)

    def wait_for(self, lsn: Lsn, store: str = "local", seconds: float = 40, timeline: int = 1) -> None:
        """Until a store's index reaches there."""
        wait_until(
            lambda: self.end_of_index(store, timeline) >= lsn.position, f"WAL up to {lsn} in store {store}", seconds
        )

    def with_stores(self, *stores: StoreSettings) -> Site:
        return replace(self, stores=stores)


SiteOf = Callable[[Plant], Site]


class Load:
    """Commits rows from several connections and remembers the transaction of each commit that was acknowledged."""

    def __init__(self, plant: Plant, connections: int = 2, pause: float = 0.0) -> None:
        self._url = plant.url.reveal()
        self._pause = pause
        self._stop = threading.Event()
        self._writers = [threading.Thread(target=self._write, daemon=True) for _ in range(connections)]
        self.acknowledged: list[int] = []
        plant.execute("CREATE TABLE IF NOT EXISTS load (id bigserial, text text)")

    def _write(self) -> None:
        while not self._stop.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True, connect_timeout=3) as connection:
                    while not self._stop.is_set():
                        row = connection.execute(
                            "INSERT INTO load (text) SELECT repeat(md5(random()::text), 20) FROM generate_series(1, 20)"
                            " RETURNING pg_current_xact_id()::text"
                        ).fetchone()
                        assert row is not None
                        self.acknowledged.append(int(row[0]))
                        time.sleep(self._pause)
            except psycopg.Error:
                time.sleep(0.1)

    def __enter__(self) -> Load:
        for writer in self._writers:
            writer.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        for writer in self._writers:
            writer.join(10)


def committed(site: Site, store: str, directory: Path) -> set[int]:
    """The transactions whose commits are in the WAL that a store holds, as pg_waldump reads it."""
    directory.mkdir()
    index = site.index(store)
    names = []
    for block in index.blocks:
        for item in block.segments:
            (directory / item.name).write_bytes(site.opened(item.name, store))
            names.append(item.name)
        for rest in block.partials:
            key = labels.wal_partial_key(NAME, rest.segment, rest.valid_bytes)
            (directory / rest.name).write_bytes(site.opened_key(key, store))
            names.append(rest.name)
    # From the first to the last file in one go: commits lie across their borders. Zeros end it with a complaint.
    argv = (
        site.plant.installation.program("pg_waldump"),
        *("--rmgr=Transaction", "--path", directory),
        *(directory / min(names), directory / max(names)),
    )
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return {int(match[1]) for match in re.finditer(r"tx:\s+(\d+),.*COMMIT", done.stdout)}


def _is_telling(site: Site, pid: int) -> bool:
    status = read_status(site.system)
    return status is not None and status.pid == pid


@contextmanager
def receiving(site: Site, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A running `dr wal receive`; told to end at the end, and it must end well."""
    with site.dr().begun("wal", "receive", *arguments) as process:
        wait_until(lambda: process.poll() is not None or _is_telling(site, process.pid), "a receiver")
        assert process.poll() is None, process.communicate()
        yield process
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=90)
            assert process.returncode == 0, out + err


def plain_segments(plant: Plant, names: Sequence[str]) -> dict[str, bytes]:
    """The server's own files."""
    return {name: (plant.directory / "pg_wal" / name).read_bytes() for name in names}
