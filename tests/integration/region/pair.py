"""A primary and its streaming replica, small and quick to build, with a directory for a store."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dr.configuration.model import EncryptionSettings, PostgresSettings, StoreSettings, System, WalSettings
from dr.configuration.procedures import ProcedureSettings
from dr.configuration.procedures.region import RegionSettings
from dr.configuration.procedures.services import ServiceSettings
from dr.demo.estate import newest_server
from dr.demo.keys import key_pair
from dr.demo.ports import LOOPBACK, reserved_port
from dr.errors import DrError, ServiceError
from dr.operations.region.sites import Site, first_region, second_region
from dr.pipeline.process import run
from dr.postgres.account import make_directory
from dr.postgres.cluster import create_cluster
from dr.postgres.connection import connected
from dr.postgres.following import lay_standby
from dr.postgres.installations import Installation
from dr.postgres.standby import server_role
from dr.secret import Secret
from dr.services.registry import service

PRIMARY, STANDBY = "primary", "standby"


@dataclass(slots=True)
class Pair:
    """Both servers, as services of one system. ``first`` is in charge at the beginning."""

    directory: Path
    installation: Installation
    system: System

    @property
    def first(self) -> Site:
        return first_region(self.system)

    @property
    def second(self) -> Site:
        return second_region(self.system)

    def with_region(self, **changes: object) -> System:
        """The system with other settings of ``region``."""
        region = dataclasses.replace(self.system.procedures.region, **changes)  # type: ignore[arg-type]
        return dataclasses.replace(self.system, procedures=dataclasses.replace(self.system.procedures, region=region))

    def write(self, url: Secret, rows: int = 1) -> None:
        """Commit rows, each in a transaction of its own."""
        with connected(url) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS orders (id bigserial PRIMARY KEY)")
            for _ in range(rows):
                connection.execute("INSERT INTO orders DEFAULT VALUES")

    def rows(self, url: Secret) -> int:
        """How many there are."""
        with connected(url) as connection:
            row = connection.execute("SELECT count(*) AS n FROM orders").fetchone()
        return int(row["n"]) if row else 0

    def wait(self, condition: Callable[[], object], seconds: float = 30) -> None:
        """Until it holds; a server that is starting is waited for."""
        deadline = time.monotonic() + seconds
        while True:
            with suppress(DrError):
                if condition():
                    return
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def level(self) -> None:
        """The replica has replayed what the primary has now."""
        end = server_role(self.first.url).end
        self.wait(lambda: (server_role(self.second.url).replayed or 0) >= end)  # type: ignore[operator]


@contextmanager
def pair(directory: Path) -> Iterator[Pair]:
    """Build both and have the replica stream; afterwards both are stopped."""
    with ExitStack() as stack:
        ports = [stack.enter_context(reserved_port()) for _ in range(2)]
        keys = stack.enter_context(key_pair())
        installation = newest_server()
        make_directory(directory)
        places = (directory / PRIMARY, directory / STANDBY)
        urls = [Secret(f"host={LOOPBACK} port={port} user=postgres dbname=postgres sslmode=disable") for port in ports]
        create_cluster(places[0], installation, "--locale=C")
        _configure(places[0], ports[0])
        system = _system(directory, installation, places, urls, keys.fingerprint, keys.home)
        made = Pair(directory, installation, system)
        for name in (PRIMARY, STANDBY):
            stack.callback(_stop, system, name)
        service(system, PRIMARY).start(30)
        made.wait(lambda: server_role(urls[0]))
        _copy(installation, places, urls, ports)
        service(system, STANDBY).start(30)
        made.wait(lambda: server_role(urls[1]).streaming)
        yield made


def _configure(place: Path, port: int) -> None:
    with (place / "postgresql.conf").open("a", encoding="utf-8") as stream:
        stream.write(f"listen_addresses = '{LOOPBACK}'\nport = {port}\nunix_socket_directories = ''\nfsync = off\n")
        stream.write("lc_messages = 'C'\nmax_wal_size = 256MB\nwal_retrieve_retry_interval = 200ms\n")


def _copy(installation: Installation, places: tuple[Path, Path], urls: list[Secret], ports: list[int]) -> None:
    with connected(urls[0]) as connection:
        connection.execute("SELECT pg_create_physical_replication_slot('pair', true)")
    account = make_directory(places[1], places[0])
    argv = (installation.program("pg_basebackup"), f"--pgdata={places[1]}", "--checkpoint=fast", "--no-sync")
    environment = {"PGHOST": LOOPBACK, "PGPORT": str(ports[0]), "PGUSER": "postgres"}
    ended, _ = run("pg_basebackup", argv, environment=environment, account=account)
    assert ended.ok, str(ended)
    _configure(places[1], ports[1])
    lay_standby(places[1], urls[0], "pair", "pair")


def _system(
    directory: Path, installation: Installation, places: tuple[Path, Path], urls: list[Secret], key: str, home: Path
) -> System:
    services = tuple(
        ServiceSettings(
            name,
            driver="process",
            command=(str(installation.program("postgres")), "-D", str(place)),
            owner_of=place,
            stop_signal="INT",
        )
        for name, place in zip((PRIMARY, STANDBY), places, strict=True)
    )
    region = RegionSettings(
        primary_url=urls[0],
        primary_directory=places[0],
        primary_service=PRIMARY,
        standby_url=urls[1],
        standby_directory=places[1],
        standby_service=STANDBY,
        quiet_minutes=0.001,
        catch_up_minutes=1,
    )
    return System(
        "pair",
        PostgresSettings(urls[0]),
        (StoreSettings("local", "local", path=directory / "store"),),
        EncryptionSettings(recipients=(key,), gnupg_home=home),
        wal=WalSettings(partial_seconds=1),
        procedures=ProcedureSettings(services=services, region=region),
        state_directory=directory / "state",
    )


def _stop(system: System, name: str) -> None:
    with suppress(ServiceError):
        service(system, name).stop(10)
