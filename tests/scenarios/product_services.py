"""The product's services: PostgreSQL, Redis and the application, each a command under our own supervisor."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dr.components.redis.programs import servers
from dr.configuration.components import ComponentSettings
from dr.configuration.model import System
from dr.configuration.procedures import ProcedureSettings
from dr.configuration.procedures.application import ApplicationSettings
from dr.configuration.procedures.recovery import RecoverySettings
from dr.configuration.procedures.services import ServiceSettings
from dr.demo.beside.tree import write
from dr.demo.estate import OWNER, Estate
from dr.demo.ports import LOOPBACK
from dr.demo.services import APPLICATION, DATABASE, PROGRAM, REDIS, write_environment
from dr.secret import Secret

__all__ = ["APPLICATION", "DATABASE", "REDIS"]
ROOT = Path(__file__).resolve().parents[2]
_REDIS = """\
bind {address}
port {port}
requirepass {password}
dir {directory}
appendonly yes
repl-diskless-sync yes
repl-diskless-sync-delay 0
"""
_BAD_PROGRAM = """\
import sys
print("this release wants a setting that nobody has set, and ends", file=sys.stderr)
sys.exit(3)
"""
_SICK_PROGRAM = """\
import sys
from dr.demo.application import shop
from dr.demo.application.__main__ import main
shop.Shop.health = lambda self: (False, {"status": "unhealthy", "why": "this release was built on a Friday"})
sys.exit(main())
"""
FIRST, SECOND = "20260101120000", "20260301120000"


def postgres(place: Estate, data_directory: Path) -> ServiceSettings:
    """PostgreSQL on its own configuration files."""
    return ServiceSettings(
        DATABASE,
        driver="process",
        command=(str(place.installation.program("postgres")), "-D", str(data_directory)),
        owner_of=data_directory,
        stop_signal="INT",
    )


def redis(program: Path, directory: Path, url: Secret, port: int) -> ServiceSettings:
    """Redis, whose configuration file holds its password."""
    file = directory.parent / "redis.conf"
    password = url.reveal().split("@")[0].rpartition(":")[2]
    quoted = json.dumps(str(directory), ensure_ascii=False)
    write(file, _REDIS.format(address=LOOPBACK, port=port, password=password, directory=quoted))
    return ServiceSettings(REDIS, driver="process", command=(str(program), str(file)))


def application(place: Estate, redis_url: Secret | None, port: int) -> ServiceSettings:
    """The application, deployed as Capistrano does it, with a release that works."""
    home = place.directory / "application"
    file = write_environment(home, place.urls[OWNER], redis_url, port)
    # What measures coverage in child processes is told by the environment, which the supervisor does not hand down.
    coverage = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
    with file.open("a") as stream:
        stream.write("".join(f'{name}="{value}"\n' for name, value in coverage.items()))
    deploy(home, FIRST)
    return ServiceSettings(
        APPLICATION,
        driver="process",
        after=(DATABASE, REDIS) if redis_url is not None else (DATABASE,),
        command=(sys.executable, str(home / "current" / "shop.py")),
        environment_file=file,
        releases=home / "releases",
    )


def deploy(home: Path, release: str, program: str = "good") -> None:
    """Put a release there and lead ``current`` to it; ``program`` is good, bad (it ends) or sick (it says so)."""
    text = {"good": PROGRAM, "bad": _BAD_PROGRAM, "sick": _SICK_PROGRAM}[program]
    write(home / "releases" / release / "shop.py", text, 0o644)
    link = home / f".{release}"
    link.symlink_to(Path("releases", release))
    link.replace(home / "current")


def asked(port: int) -> ApplicationSettings:
    """Short times: a scenario has no minutes to wait."""
    address = f"http://{LOOPBACK}:{port}"
    return ApplicationSettings(
        health_urls=(f"{address}/api/health",),
        session_urls=(f"{address}/api/auth/session",),
        warm_urls=(f"{address}/api/catalogue",),
        answer_seconds=3,
        health_seconds=20,
        start_seconds=30,
        stop_seconds=5,
    )


def system_of(place: Estate, components: ComponentSettings, port: int, sections: Mapping[str, Any]) -> System:
    """The estate's system with its services; ``sections`` of procedures win over what is made here."""
    redis_url = components.redis.url
    made = [postgres(place, place.production)]
    recovery = RecoverySettings(data_directory=place.production, database_service=DATABASE)
    if redis_url is not None:
        data = place.directory / "beside" / "redis"
        made.append(redis(servers()[0].path, data, redis_url, int(redis_url.reveal().rpartition(":")[2])))
        recovery = dataclasses.replace(recovery, redis_directory=data, redis_service=REDIS)
    made.append(application(place, redis_url, port))
    procedures = ProcedureSettings(
        services=tuple(sorted(made, key=lambda item: item.name)), application=asked(port), recovery=recovery
    )
    return dataclasses.replace(
        place.system, components=components, procedures=dataclasses.replace(procedures, **sections)
    )
