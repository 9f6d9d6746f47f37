"""What a recovery into production's own place will do, and whether it may: asked before anything is stopped."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path

from dr.configuration.model import System
from dr.errors import ConfigurationError, TargetRefused
from dr.operations.application.parts import application_order
from dr.operations.check_source import source_url
from dr.operations.database.place import leftovers, look_at, place_at, require_ours
from dr.operations.database.serve import database_service, is_served
from dr.operations.database.stage import choose_for, require_space
from dr.operations.database.trials import GoodWhen, check_condition
from dr.operations.plan_recovery import plan
from dr.operations.region.only_primary import refuse_beside_primary
from dr.policy.recovery_plan import RecoveryPlan
from dr.policy.recovery_target import RecoveryTarget
from dr.postgres.postmaster import postmaster_pid
from dr.services.protocol import Service, State
from dr.services.registry import service

_LOOK_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class InPlace:
    """What was asked for.

    ``swap``: production may go on answering while the copy is made, and what it commits meanwhile is not in the copy.
    ``search``: the target is the last good moment, found by at most ``trials`` copies. ``declined`` is the reason for
    doing without an emergency copy.
    """

    backup: str
    until: RecoveryTarget
    swap: bool = False
    search: bool = False
    good_when: str = ""
    trials: int = 20
    declined: str = ""

    @property
    def parameters(self) -> dict[str, str]:
        """What was asked for, in words: only a run with the same goes on with one that was cut off."""
        return {field.name: str(getattr(self, field.name)) for field in fields(self)}


def plan_in_place(system: System, wanted: InPlace) -> RecoveryPlan:
    """The plan. Raises ``TargetRefused``, ``IdentityMismatch`` or ``ConfigurationError`` when it may not be done.

    ``NotFenced`` where the other region is in charge.
    """
    name = database_service(system)
    source_url(system)
    place = place_at(system, datetime.now(UTC))
    unknown = refuse_beside_primary(system, place.data)
    chosen = choose_for(system, place.staged, wanted.backup, wanted.until)
    if chosen.point is None:
        raise TargetRefused(
            "only a base backup of the repository goes into production's place",
            hint="Leave the backup out, or name a base backup by its label.",
        )
    manifest = chosen.found.manifest
    occupied = look_at(system, place.data, manifest.server_major)
    require_ours(occupied, place.data, manifest.system_identifier)
    left = leftovers(place.data)
    if not left:
        require_space(chosen, place.staged)
    require_its_service(system, place.data, service(system, name))
    drawn = plan(system, chosen)
    application = [item for layer in application_order(system) for item in layer]
    warnings = [*drawn.warnings, *occupied.warnings, *unknown]
    warnings += [f"{path} is left of a recovery that was not brought to its end" for path in left]
    if not application:
        warnings.append("no service is the application: whoever writes goes on until PostgreSQL is stopped")
    if wanted.swap:
        warnings.append("what is committed from now on until the exchange stays in the old directory only")
    if wanted.declined:
        warnings.append(f"no emergency copy is made: {wanted.declined}")
    if wanted.search:
        drawn = as_search(drawn, wanted.good_when, wanted.trials)
        if said := check_condition(system, GoodWhen(wanted.good_when)):
            warnings.append(said)
    return replace(
        drawn,
        target=str(place.data),
        production=True,
        steps=_steps(wanted, name, application, place.data),
        warnings=tuple(warnings),
    )


def require_its_service(system: System, data: Path, item: Service) -> None:
    """Raise ``ConfigurationError`` unless the service is the one that runs in the directory that is exchanged."""
    server = postmaster_pid(data)
    state = item.status(_LOOK_SECONDS).state
    if server is not None and state in (State.STOPPED, State.FAILED):
        raise ConfigurationError(
            f"a server runs in {data}, and service {item.name} says that it does not",
            detail=f"process {server}",
            hint="Set recovery.database_service to the service that runs it.",
        )
    if state is State.RUNNING and not is_served(system, item.name, data):
        raise ConfigurationError(
            f"service {item.name} runs, and no server runs in {data}",
            detail="what would be put there would not be in service; nothing was touched",
            hint="Set recovery.data_directory to the directory of that service. Where its directory was taken from"
            " under it, stop the service and run this again.",
        )


def as_search(drawn: RecoveryPlan, good_when: str, trials: int) -> RecoveryPlan:
    """The plan of a recovery whose target is searched for first: what is known of it is what one copy takes."""
    if drawn.point is None:
        return drawn
    seconds = drawn.point.seconds
    many = "" if seconds is None else f", together up to about {seconds * (trials + 1) / 60:.0f} minutes"
    point = replace(
        drawn.point,
        until=f"the last moment that is good ({GoodWhen(good_when)})",
        estimate=f"at most {trials} copies on trial and the last one: each {drawn.point.estimate}{many}",
        lost="what was committed behind that moment",
    )
    return replace(drawn, point=point)


def _steps(wanted: InPlace, database: str, application: list[str], data: Path) -> tuple[str, ...]:
    stop = [f"stop the application ({', '.join(reversed(application)) or 'no service'})"]
    stop_database = [f"stop PostgreSQL (service {database})"]
    damage = ["look at the damage: what answers, what can be read"]
    copy = [] if wanted.declined else ["copy what can still be read, table by table, encrypted"]
    search = ["search for the last good moment in copies on trial"] if wanted.search else []
    make = [
        "restore beside it, replay, and question the copy",
        "erase again who was forgotten, and check that none is there",
    ]
    end = [
        f"exchange by renaming; the old directory is kept as {data.name}.before_...",
        "start PostgreSQL and wait until it answers; erase whoever was forgotten meanwhile",
        "start the application and wait until it is healthy",
    ]
    if wanted.swap:
        return (*damage, *copy, *search, *make, *stop, *stop_database, *end)
    return (*stop, *damage, *copy, *stop_database, "look at the pages on disk", *search, *make, *end)
