"""What a full recovery does besides bringing data back, in which order, and what it cannot do for lack of a setting."""

from __future__ import annotations

from collections.abc import Sequence

from dr.catalog.labels import Kind
from dr.configuration.model import System
from dr.operations.full_recovery.elsewhere import is_asked
from dr.operations.full_recovery.kinds import BY_KIND
from dr.policy.full_plan import PlannedDatabase, PlannedPart, Then
from dr.policy.traffic_values import outputs_named
from dr.services.registry import order as layers
from dr.traffic.registry import switches


def order(
    system: System, database: PlannedDatabase | None, parts: Sequence[PlannedPart], *, exercise: bool = False
) -> tuple[str, ...]:
    """The steps, as a person would name them."""
    recovery = system.procedures.recovery
    by_then = {then: [part.title for part in parts if part.then is then] for then in Then}
    needed = [part for part in parts if BY_KIND[part.kind].needed]
    both = [*(["database"] if database else []), *(part.title for part in needed)]
    rest = dict.fromkeys(part.title for part in parts if part not in needed)
    files = [part.title for part in parts if part.then is Then.LAID or part.kind is Kind.SECRETS]
    applied = [*by_then[Then.APPLIED], *by_then[Then.LAUNCHED]]
    application = _application(system)
    services = [name for name in (recovery.database_service, recovery.redis_service) if name]
    steps = (
        ("restore beside each other: {}", both),
        ("make machines and networks: {}", applied),
        ("bring to their places: {}", files),
        ("erase again whoever asked to be forgotten{}", [""] if database else []),
        ("keep it in: no WAL and no backup of it leaves this host{}", [""] if database and exercise else []),
        ("see that no other server is in charge{}", [""] if is_asked(system) and not exercise else []),
        ("start the data's own services: {}", services),
        ("put back: {}", [part.title for part in parts if part.kind is Kind.REDIS and part.then is Then.PUT_BACK]),
        ("start the application: {}", application),
        ("wait until it is healthy: {}", [*_urls(system)]),
        ("verify what was recovered{}", [""]),
        ("switch traffic, only when that passed: {}", [switch.name for switch in switches(system)]),
        ("tell the status page{}", [""] if system.procedures.status_page.page else []),
        ("restore what nobody waits for: {}", [*rest]),
        ("back it up again, and see WAL arrive{}", [""] if database and not exercise else []),
    )
    return tuple(words.format(", ".join(what)) for words, what in steps if what)


def lacking(system: System, database: PlannedDatabase | None, parts: Sequence[PlannedPart]) -> tuple[str, ...]:
    """Settings that are not there, each with what people have to do instead."""
    recovery = system.procedures.recovery
    told = []
    if database is not None and not recovery.data_directory:
        told.append(f"recovery.data_directory is not set: the database goes to {database.directory}")
    if database is not None and not recovery.database_service:
        told.append("recovery.database_service is not set: you start PostgreSQL yourself")
    if database is not None and not system.postgres.configured:
        told.append("postgres.url is not set: the running database is not asked")
    if database is not None and not is_asked(system):
        told.append("region.primary_url, region.standby_url are not set: nobody is asked who else may be in charge")
    if any(part.kind is Kind.REDIS for part in parts) and not recovery.redis_service:
        told.append("recovery.redis_service is not set: you start Redis yourself")
    if not _application(system):
        told.append("no services are declared: you start the application yourself")
    if not switches(system):
        told.append("neither dns, balancer nor cdn is set up: you lead requests here yourself")
    if not any(part.then is Then.APPLIED for part in parts):
        told += _unmade_outputs(system)
    told += [
        f"{part.title}: left below {part.where.removeprefix('below ')}" for part in parts if part.then is Then.LEFT
    ]
    return tuple(told)


def _unmade_outputs(system: System) -> list[str]:
    """Told before everything is restored, instead of when people are to be led here."""
    settings = {
        "balancer.recovered": system.procedures.balancer.recovered,
        "dns.recovered": system.procedures.dns.recovered,
    }
    named = {setting: outputs_named(entries) for setting, entries in settings.items()}
    return [
        f"{setting} names {', '.join(outputs)} of the infrastructure, and none is applied by this run: write addresses"
        " there, or see to the backup of terraform and set recovery.apply_infrastructure"
        for setting, outputs in named.items()
        if outputs
    ]


def own_services(system: System) -> tuple[str, ...]:
    """The data's own services that are set, in the order in which they start."""
    recovery = system.procedures.recovery
    return tuple(name for name in (recovery.database_service, recovery.redis_service) if name)


def _application(system: System) -> list[str]:
    own = own_services(system)
    return [name for layer in layers(system) for name in layer if name not in own]


def _urls(system: System) -> tuple[str, ...]:
    application = system.procedures.application
    return (*application.health_urls, *application.session_urls) if _application(system) else ()
