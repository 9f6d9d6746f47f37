"""The estate's servers and its application as services of the process driver, so that procedures can stop, start,
break and recover them: ``database``, ``redis`` and ``application``.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import dr
from dr.components.redis.programs import servers
from dr.configuration.model import System
from dr.configuration.procedures.application import ApplicationSettings
from dr.configuration.procedures.recovery import RecoverySettings
from dr.configuration.procedures.services import ServiceSettings
from dr.configuration.procedures.simulation import SimulationSettings
from dr.demo.application.settings import DATABASE_URL, PORT, REDIS_URL
from dr.demo.beside.redis import RedisPart
from dr.demo.beside.tree import write
from dr.demo.estate import DATABASE as DATABASE_NAME
from dr.demo.estate import OWNER, Estate
from dr.demo.ports import LOOPBACK
from dr.demo.queries import query
from dr.postgres.connection import connected
from dr.postgres.test_mark import how_to_mark
from dr.secret import Secret

DATABASE, REDIS, APPLICATION = "database", "redis", "application"
RELEASES = ("20260101120000", "20260301120000")
"""The release before, to which a recovery can go back, and the one that runs."""
PROGRAM = """\
import sys
from dr.demo.application.__main__ import main
sys.exit(main())
"""


def as_services(place: Estate, port: int) -> System:
    """Hand the estate's servers over to services, none of them started yet, and add the application on ``port``.

    What the estate runs itself is ended in order. The system may be broken on purpose, and its database says so too.
    """
    with connected(place.superuser_url) as connection:
        connection.execute(how_to_mark(place.system.name, DATABASE_NAME).encode())
        connection.execute(query("canary_rights"))
    place.server.end()
    services = [postgres(place, DATABASE, place.production, place.port)]
    recovery = RecoverySettings(data_directory=place.production, database_service=DATABASE)
    cache = next((part for part in place.beside.parts if isinstance(part, RedisPart)), None)
    if cache is not None:
        cache.end()
        services.append(_redis(cache))
        recovery = dataclasses.replace(recovery, redis_directory=cache.directory, redis_service=REDIS)
    services.append(_application(place, cache, port))
    address = f"http://{LOOPBACK}:{port}"
    procedures = dataclasses.replace(
        place.system.procedures,
        services=tuple(sorted(services, key=lambda item: item.name)),
        recovery=recovery,
        application=ApplicationSettings(
            health_urls=(f"{address}/api/health",),
            session_urls=(f"{address}/api/auth/session",),
            warm_urls=(f"{address}/api/catalogue",),
            health_seconds=30,
            stop_seconds=10,
        ),
        simulation=SimulationSettings(allowed=True),
    )
    return dataclasses.replace(place.system, procedures=procedures)


def postgres(place: Estate, name: str, data_directory: Path, port: int) -> ServiceSettings:
    """A PostgreSQL on its own configuration files. Its port is the host's: a directory may come from the other one."""
    return ServiceSettings(
        name,
        driver="process",
        command=(str(place.installation.program("postgres")), "-D", str(data_directory), "-p", str(port)),
        owner_of=data_directory,
        stop_signal="INT",
    )


def write_environment(home: Path, database: Secret, redis: Secret | None, port: int) -> Path:
    """What an application is told by its environment; the file's path."""
    variables = {
        DATABASE_URL: database.reveal(),
        REDIS_URL: f"{redis.reveal()}/0" if redis is not None else "",
        PORT: str(port),
        "PYTHONPATH": str(Path(dr.__file__).parents[1]),
    }
    write(home / "environment", "".join(f'{name}="{value}"\n' for name, value in variables.items()))
    return home / "environment"


def _redis(cache: RedisPart) -> ServiceSettings:
    file = cache.directory.parent / "redis.conf"
    write(file, cache.configuration())
    return ServiceSettings(REDIS, driver="process", command=(str(servers()[0].path), str(file)))


def _application(place: Estate, cache: RedisPart | None, port: int) -> ServiceSettings:
    """Deployed as Capistrano does it: a directory per release, and ``current`` leads to the one that runs."""
    home = place.directory / "application"
    file = write_environment(home, place.urls[OWNER], cache.settings.url if cache is not None else None, port)
    for release in RELEASES:
        write(home / "releases" / release / "shop.py", PROGRAM, 0o644)
    (home / "current").symlink_to(Path("releases", RELEASES[-1]))
    return ServiceSettings(
        APPLICATION,
        driver="process",
        after=(DATABASE, REDIS) if cache is not None else (DATABASE,),
        command=(sys.executable, str(home / "current" / "shop.py")),
        environment_file=file,
        releases=home / "releases",
    )
