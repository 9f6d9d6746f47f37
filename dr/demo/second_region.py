"""The demo's second region: a streaming replica with an application of its own, and names that lead to either region.

It is on the same machine; only its directory and its ports are its own. Redis and uploads are shared by both regions,
as what a provider replicates is.
"""

from __future__ import annotations

import dataclasses
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from dr.configuration.model import PostgresSettings, System
from dr.configuration.procedures.region import RegionSettings
from dr.configuration.procedures.services import ServiceSettings
from dr.demo.doors import door
from dr.demo.estate import OWNER, Estate
from dr.demo.ports import LOOPBACK, reserved_port
from dr.demo.services import APPLICATION, DATABASE, postgres, write_environment
from dr.errors import ToolError
from dr.pipeline.process import run
from dr.postgres.account import make_directory
from dr.postgres.connection import client_environment
from dr.postgres.following import lay_standby
from dr.postgres.slots import create_slot
from dr.secret import Secret

STANDBY, SECOND_APPLICATION = "standby", "application-2"
SLOT = "region_2"
_QUIET_MINUTES = 0.1
_COPY_SECONDS = 600


@dataclass(frozen=True, slots=True)
class SecondRegion:
    """Where it is. ``url`` is its server's own address, ``database_door`` the name that leads to either server."""

    directory: Path
    port: int
    url: Secret
    application_port: int
    database_door: int
    application_door: int

    @property
    def data(self) -> Path:
        """The replica's data directory."""
        return self.directory / "postgres"


@contextmanager
def second_region(place: Estate, application_port: int) -> Iterator[SecondRegion]:
    """Its ports and doors; nothing of it runs yet. ``application_port`` is that of the first region's application."""
    with ExitStack() as stack:
        port, second = (stack.enter_context(reserved_port()) for _ in range(2))
        yield SecondRegion(
            place.directory / "region-2",
            port,
            at_port(place.superuser_url, port),
            second,
            stack.enter_context(door(place.port, port)),
            stack.enter_context(door(application_port, second)),
        )


def with_second_region(place: Estate, system: System, region: SecondRegion) -> System:
    """The system with both: people and programs use the doors, and an outage takes what is the first region's alone."""
    home = region.directory / "application"
    variables = write_environment(home, at_port(place.urls[OWNER], region.port), None, region.application_port)
    services = (
        *system.procedures.services,
        postgres(place, STANDBY, region.data, region.port),
        ServiceSettings(
            SECOND_APPLICATION,
            driver="process",
            after=(STANDBY,),
            command=(sys.executable, "-m", "dr.demo.application"),
            environment_file=variables,
        ),
    )
    supervisors = system.state_directory / "services" / system.name
    switch = (sys.executable, "-m", "dr.demo.power", str(supervisors / DATABASE), str(supervisors / STANDBY))
    address = f"http://{LOOPBACK}:{region.application_door}"
    procedures = dataclasses.replace(
        system.procedures,
        services=tuple(sorted(services, key=lambda item: item.name)),
        application=dataclasses.replace(
            system.procedures.application,
            health_urls=(f"{address}/api/health",),
            session_urls=(f"{address}/api/auth/session",),
            warm_urls=(f"{address}/api/catalogue",),
        ),
        region=RegionSettings(
            primary_url=place.superuser_url,
            primary_directory=place.production,
            primary_service=DATABASE,
            standby_url=region.url,
            standby_directory=region.data,
            standby_service=STANDBY,
            services=(SECOND_APPLICATION,),
            fence=("service", "command"),
            fence_command=shlex.join(switch),
            quiet_minutes=_QUIET_MINUTES,
            catch_up_minutes=5,
        ),
        simulation=dataclasses.replace(system.procedures.simulation, region_services=(APPLICATION, DATABASE)),
    )
    url = at_port(system.postgres.url, region.database_door)
    return dataclasses.replace(system, postgres=PostgresSettings(url), procedures=procedures)


def lay_replica(place: Estate, region: SecondRegion) -> None:
    """Copy the first region's server, so that the next start follows it. What was there of an earlier one is removed.

    Raises ``ToolError`` when it cannot be copied.
    """
    for old in (region.data, region.directory / "fast_disk"):
        if old.exists():
            shutil.rmtree(old)
    source = place.urls["backup"]
    make_directory(region.directory)
    account = make_directory(region.data, region.directory)
    argv: tuple[str | Path, ...] = (
        place.installation.program("pg_basebackup"),
        f"--pgdata={region.data}",
        "--checkpoint=fast",
        "--wal-method=stream",
        *_tablespace_mappings(place, region),
        "--no-sync",
    )
    environment = {key: value for key, value in client_environment(source).items() if key != "PGDATABASE"}
    ended, _ = run("pg_basebackup", argv, environment=environment, account=account, deadline_seconds=_COPY_SECONDS)
    if not ended.ok:
        raise ToolError("the second region gets no copy of the database", str(ended), "Look at the message.")
    create_slot(source, SLOT)
    lay_standby(region.data, source, SLOT, SLOT)


def at_port(url: Secret, port: int) -> Secret:
    """The same role and database at another port."""
    parts = urlsplit(url.reveal())
    return Secret(parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{port}").geturl())


def _tablespace_mappings(place: Estate, region: SecondRegion) -> Iterator[str]:
    """The tablespace is wherever the last recovery has put it."""
    for link in sorted((place.production / "pg_tblspc").iterdir()):
        yield f"--tablespace-mapping={link.resolve()}={region.directory / 'fast_disk'}"
