"""Stop and start PostgreSQL by the service that runs it, and wait until it answers as the cluster that was meant."""

from __future__ import annotations

import time
from pathlib import Path

from dr.configuration.model import System
from dr.errors import ConfigurationError, IdentityMismatch, RecoveryFailed, ServiceError, SourceError
from dr.operations.check_source import source_url
from dr.operations.database.place import data_directory, require_stopped
from dr.operations.region.only_primary import refuse_beside_primary
from dr.postgres.inspection import read_facts
from dr.postgres.postmaster import FILE, postmaster_pid
from dr.services.protocol import State, Status
from dr.services.registry import service

_PAUSE_SECONDS = 0.2
_LOOK_SECONDS = 10.0
_CONTAINED = ("compose", "kubernetes")


def database_service(system: System) -> str:
    """The name of the service that is PostgreSQL. Raises ``ConfigurationError``."""
    name = system.procedures.recovery.database_service
    if not name:
        raise ConfigurationError(
            "nothing says which service is PostgreSQL",
            hint="Set recovery.database_service to one of services, or restore beside.",
        )
    service(system, name)
    return name


def stop_database(system: System, seconds: float = 120.0) -> Status:
    """Returns when it has stopped and no server is left in the data directory; otherwise ``TargetRefused`` (I4)."""
    item = service(system, database_service(system))
    item.stop(seconds)
    require_stopped(data_directory(system))
    return item.status(_LOOK_SECONDS)


def start_database(system: System, identifier: str, seconds: float = 300.0) -> Status:
    """Start it and wait until it answers at production's address, takes writes, and is the cluster ``identifier``.

    Raises ``RecoveryFailed`` when who answers does not run in production's directory: then that is not in service.
    ``NotFenced`` where the other region was put in charge meanwhile: nothing is started.
    """
    name = database_service(system)
    refuse_beside_primary(system, data_directory(system))
    item = service(system, name)
    item.start(seconds)
    url = source_url(system)
    deadline = time.monotonic() + seconds
    last: SourceError | None = None
    while time.monotonic() < deadline:
        try:
            facts = read_facts(url)
        except SourceError as error:
            last = error
            if item.status(_LOOK_SECONDS).state is State.FAILED:
                break
            time.sleep(_PAUSE_SECONDS)
            continue
        if identifier and facts.system_identifier != identifier:
            raise IdentityMismatch(
                "another cluster answers at production's address",
                detail=f"system identifier {facts.system_identifier} instead of {identifier}",
                hint="See which server listens there, and whether postgres.url is right.",
            )
        if facts.in_recovery:
            raise RecoveryFailed("the server is a standby and takes no writes", hint="Look into its configuration.")
        _require_served(system, name)
        return item.status(_LOOK_SECONDS)
    status = item.status(_LOOK_SECONDS)
    raise ServiceError(
        f"PostgreSQL does not answer {seconds:.0f} s after service {name} was started",
        detail=f"{status.state}: {status.detail}" + (f"; {last.message} {last.detail}" if last else ""),
        hint="Look into its log. The old data directory is kept: dr recover-db --undo puts it back.",
    )


def is_served(system: System, name: str, data: Path) -> bool:
    """Whether the service runs in ``data``, by the file that each server keeps there.

    The process that the file names is one of this host's, except in a container: there it is another one's number, so
    that the file alone, which a server removes when it is stopped in order, has to do.
    """
    contained = any(item.name == name and item.driver in _CONTAINED for item in system.procedures.services)
    return postmaster_pid(data) is not None or (contained and (data / FILE).is_file())


def _require_served(system: System, name: str) -> None:
    data = data_directory(system)
    if not is_served(system, name, data):
        raise RecoveryFailed(
            f"PostgreSQL answers, but no server runs in {data}: what was put there is not in service",
            detail=f"service {name} runs it from another directory",
            hint="Set recovery.data_directory to the directory of that service."
            " dr recover-db --undo puts back what lay there.",
        )
