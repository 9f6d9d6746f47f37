"""A full recovery for practice, beside a production that lives: what it may do, and how what it made is kept in.

It recovers everything onto this host and changes nothing outside of it: no names, balancers, caches or status page; no
machines; no secret and no key of Redis that lies elsewhere. PostgreSQL here has production's identifier and a timeline
that no other server has claimed. Whatever of it came into production's repository would be the newest there, and the
next real recovery would follow it: so it archives nothing, sends no WAL, and calls itself an exercise, by which every
program of ours refuses to back it up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from dr.configuration.model import System
from dr.configuration.procedures import ProcedureSettings
from dr.configuration.procedures.application import ApplicationSettings
from dr.configuration.procedures.balancer import BalancerSettings
from dr.configuration.procedures.cdn import CdnSettings
from dr.configuration.procedures.dns import DnsSettings
from dr.configuration.procedures.services import ServiceSettings
from dr.configuration.procedures.status_page import StatusPageSettings
from dr.errors import ConfigurationError, TargetRefused
from dr.operations.full_recovery.places import data_directory
from dr.operations.region.here import is_local
from dr.postgres.connection import connected
from dr.postgres.following import settle
from dr.secret import Secret
from dr.services.registry import service

SETTING = "coreflow360_dr.exercise"
_KEPT_IN = {
    "archive_mode": "off",
    "archive_command": "",
    # Neither a receiver nor a replica gets anything, and no base backup is made.
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "primary_conninfo": "",
    "synchronous_standby_names": "",
    # Placeholders where the library is not there.
    "cron.launch_active_jobs": "off",
    "timescaledb.max_background_workers": "0",
}
_ASKED = ("archive_mode", "max_wal_senders", "max_logical_replication_workers")
_STOP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class KeptIn:
    """The server that was asked, and what it says of itself."""

    server: str
    settings: tuple[str, ...]


def in_exercise(system: System) -> System:
    """The same system with nothing that leads out of this host.

    Raises ``ConfigurationError`` where what is to be started, or asked, is not on this host.
    """
    _refuse_elsewhere(system)
    procedures = system.procedures
    services = _services(procedures)
    application = any(item.name in procedures.recovery.exercise_services for item in services)
    recovery = replace(procedures.recovery, apply_infrastructure=False, launch_subnet=None, jobs="any", job_services=())
    redis = system.components.redis
    away = redis.url is not None and not _redis_is_local(redis.url)
    components = replace(
        system.components,
        secrets=replace(system.components.secrets, aws=False, vault_address=None),
        redis=replace(redis, url=None) if away else redis,
    )
    return replace(
        system,
        components=components,
        procedures=replace(
            procedures,
            services=services,
            application=procedures.application if application else ApplicationSettings(),
            balancer=BalancerSettings(),
            cdn=CdnSettings(),
            dns=DnsSettings(),
            status_page=StatusPageSettings(),
            recovery=recovery,
        ),
    )


def left_out(system: System) -> tuple[str, ...]:
    """What an exercise of this system does not do, each with why."""
    named = system.procedures.recovery.exercise_services
    told = ["names, balancers, caches and the status page stay as they are", "no backup of it is made"]
    if not named:
        told.append(
            "the application is not started: with production's secrets it would write to production's customers"
            " (recovery.exercise_services names what may be)"
        )
    if system.components.redis.url is not None and not _redis_is_local(system.components.redis.url):
        told.append("Redis is left alone: redis.url leads to another host")
    return tuple(told)


def keep_in(system: System, run: str) -> None:
    """Before it is started: by settings that win over every configuration file."""
    settle(data_directory(system), {**_KEPT_IN, SETTING: run})


def require_kept_in(system: System, run: str) -> KeptIn:
    """Ask what runs. Raises ``TargetRefused``, with PostgreSQL stopped again, where it goes by other settings.

    Options on a service's command line win over ours.
    """
    with connected(system.postgres.url) as connection:
        rows = connection.execute(
            "SELECT name, current_setting(name, true) AS value FROM unnest(%s::text[]) AS name", ([*_ASKED, SETTING],)
        ).fetchall()
    found = {str(row["name"]): str(row["value"] or "") for row in rows}
    wanted = {**{name: _KEPT_IN[name] for name in _ASKED}, SETTING: run}
    wrong = tuple(f"{name} is {value!r}" for name, value in found.items() if wanted[name] != value)
    if wrong:
        name = system.procedures.recovery.database_service
        if name:
            service(system, name).stop(_STOP_SECONDS)
        raise TargetRefused(
            "what runs here is not kept in: its WAL could come into production's repository",
            "; ".join(wrong) + (f"; service {name} was stopped" if name else ""),
            "Options on the service's command line win over the settings of an exercise: take them out of it.",
        )
    return KeptIn(run, tuple(f"{name} = {value}" for name, value in found.items()))


def how_to_end(system: System, run: str, places: tuple[str, ...]) -> tuple[str, ...]:
    """What a person does when all has been seen."""
    names = [item.name for item in reversed(system.procedures.services)]
    data = data_directory(system)
    stop = f"stop {', '.join(names)}, then " if names else ""
    more = f", and what this run has laid: {', '.join(places)}" if places else ""
    return (f"end the exercise {run}: {stop}remove {data}{more}; never put any of it into service",)


def _services(procedures: ProcedureSettings) -> tuple[ServiceSettings, ...]:
    recovery = procedures.recovery
    names = {recovery.database_service, recovery.redis_service, *recovery.exercise_services}
    kept = [item for item in procedures.services if item.name in names]
    known = {item.name for item in kept}
    return tuple(replace(item, after=tuple(name for name in item.after if name in known)) for item in kept)


def _refuse_elsewhere(system: System) -> None:
    recovery = system.procedures.recovery
    unknown = {*recovery.exercise_services} - {item.name for item in system.procedures.services}
    if unknown:
        raise ConfigurationError(
            f"recovery.exercise_services names {', '.join(sorted(unknown))}, which is no service of {system.name}"
        )
    away = [item.name for item in _services(system.procedures) if item.driver == "kubernetes"]
    if away:
        raise ConfigurationError(
            f"{', '.join(away)} runs in a cluster, not on this host: an exercise does not start it",
            "nothing was touched",
            "Take it out of recovery.exercise_services, recovery.database_service and recovery.redis_service.",
        )
    if system.postgres.configured and not is_local(system.postgres.url):
        raise ConfigurationError(
            "postgres.url leads to another host: an exercise asks what it has recovered here",
            "nothing was touched",
            "On this host, set it to the address of the PostgreSQL that is started here, or leave it out.",
        )


def _redis_is_local(url: Secret) -> bool:
    where = urlsplit(url.reveal())
    if "," in where.netloc:
        return False  # several sentinels
    return is_local(Secret(f"host={where.hostname}")) if where.hostname else True
