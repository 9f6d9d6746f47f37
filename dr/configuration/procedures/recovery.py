"""Settings of the section ``recovery``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dr.configuration import parsers
from dr.configuration.components.declared import given


@dataclass(frozen=True, slots=True)
class RecoverySettings:
    """Where a recovery puts what it brings back, and which services are the data's own.

    ``data_directory`` and ``redis_directory`` are production's own, on this host; the services are names below
    ``services``. ``directory`` None: ``recovery`` below the state directory.
    """

    directory: Path | None = given(
        parsers.path, "where recoveries work: copies on trial, emergency copies; empty: below the state directory"
    )
    data_directory: Path | None = given(
        parsers.path, "production's data directory on this host, for recover-db --in-place"
    )
    database_service: str | None = given(parsers.text, "the service that is PostgreSQL, of those below services")
    redis_directory: Path | None = given(parsers.path, "production's directory of Redis on this host")
    redis_service: str | None = given(parsers.text, "the service that is Redis, of those below services")
    damage_minutes: float = given(
        parsers.positive_minutes,
        "how long a damaged database is looked at before it is recovered, on and off line",
        2.0,
    )
    emergency_minutes: float = given(
        parsers.positive_minutes, "how long the emergency copy of what can still be read may take", 5.0
    )
    jobs: str = given(
        parsers.choice("any", "paused", "running"), "how dr verify wants jobs and subscriptions to be", "any"
    )
    job_services: tuple[str, ...] = given(
        parsers.words, "services that work by themselves, and are paused or running with the jobs", ()
    )
    apply_infrastructure: bool = given(
        parsers.flag, "whether a full recovery plans and applies the restored infrastructure code", False
    )
    exercise_services: tuple[str, ...] = given(
        parsers.words,
        "services of the application that an exercise of a full recovery may start, for they write to nobody outside",
        (),
    )
    launch_subnet: str | None = given(
        parsers.text, "subnet in which a full recovery launches the images of servers; empty: none is launched"
    )
    launch_security_groups: tuple[str, ...] = given(parsers.words, "security groups of servers launched so, by id", ())
    launch_instance_type: str | None = given(
        parsers.text, "instance type of servers launched so; empty: as the server was"
    )
