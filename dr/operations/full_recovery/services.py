"""The data's own services: started before the application, and waited for until they answer."""

from __future__ import annotations

import time

from dr.configuration.model import System
from dr.errors import DrError
from dr.operations.full_recovery.surroundings import own_services
from dr.postgres.inspection import read_facts
from dr.services.protocol import Status
from dr.services.registry import service

_PATIENCE_SECONDS = 120.0
_PAUSE_SECONDS = 0.25


def start_own_services(system: System) -> tuple[Status, ...]:
    """Those that are set, one after the other; the database is asked until it answers, where its address is known."""
    seconds = float(system.procedures.application.start_seconds)
    started = []
    for name in own_services(system):
        found = service(system, name)
        found.start(seconds)
        started.append(found.status(seconds))
    if system.procedures.recovery.database_service and system.postgres.configured:
        _wait_for_database(system)
    return tuple(started)


def _wait_for_database(system: System) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            read_facts(system.postgres.url)
        except DrError as error:
            if not error.retryable or time.monotonic() > until:
                raise
        else:
            return
        time.sleep(_PAUSE_SECONDS)
