"""The data's own services: started before the application, and waited for until they answer."""

from __future__ import annotations

import os
import time

from dr.configuration.model import System
from dr.errors import DrError
from dr.operations.application.parts import application_order
from dr.operations.full_recovery.database import RecoveredDatabase
from dr.operations.full_recovery.places import data_directory
from dr.operations.full_recovery.surroundings import own_services
from dr.operations.region.here import installation_of
from dr.postgres.configured import configured
from dr.postgres.connection import connected
from dr.postgres.following import server_of, settle
from dr.postgres.inspection import read_facts
from dr.postgres.questions import where_it_is
from dr.services.protocol import State, Status
from dr.services.registry import service

_PATIENCE_SECONDS = 120.0
_PAUSE_SECONDS = 0.25
_CONFIRMING = "synchronous_standby_names"


def start_own_services(system: System) -> tuple[Status, ...]:
    """Those that are set, one after the other; the database is asked until it answers, where its address is known."""
    seconds = float(system.procedures.application.start_seconds)
    started = []
    _make_redis_directory(system)
    for name in own_services(system):
        found = service(system, name)
        found.start(seconds)
        started.append(found.status(seconds))
    if system.procedures.recovery.database_service and system.postgres.configured:
        _wait_for_database(system)
    return tuple(started)


def all_run(system: System) -> bool:
    """Whether each service of the data and of the application runs now. False where none is known: nobody can tell."""
    names = [*own_services(system), *(name for layer in application_order(system) for name in layer)]
    seconds = float(system.procedures.application.start_seconds)
    return bool(names) and all(service(system, name).status(seconds).state is State.RUNNING for name in names)


def _make_redis_directory(system: System) -> None:
    """On a clean host nobody has made it, and Redis does not start without; its parent's owner runs Redis."""
    recovery = system.procedures.recovery
    directory = recovery.redis_directory
    if directory is None or recovery.redis_service is None or directory.exists():
        return
    directory.mkdir(mode=0o700, parents=True)
    if os.geteuid() == 0:
        owner = directory.parent.stat()
        os.chown(directory, owner.st_uid, owner.st_gid)


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


def waited_for(system: System) -> str:
    """Whom commits would wait for (synchronous_standby_names), by what was restored; empty where for nobody."""
    directory = data_directory(system)
    return configured(directory, installation_of(system, directory), _CONFIRMING)


def free_commits(system: System) -> None:
    """Have commits wait for nobody from the next start on: who confirmed production's is gone with it."""
    directory = data_directory(system)
    if not server_of(directory):  # whoever has it wait again means it
        settle(directory, {_CONFIRMING: ""})


def another_server(system: System, database: RecoveredDatabase, *, must_answer: bool) -> str:
    """What tells the server at ``postgres.url`` from the one that was recovered, in words; empty when it is that one.

    The lost one may be half alive, and has the same rows. Who tells nothing is no other server, unless ``must_answer``.
    """
    if not database.identifier:
        return ""  # kept by a program that did not note it
    try:
        facts = read_facts(system.postgres.url)
        with connected(system.postgres.url) as connection:
            found = where_it_is(connection)
    except DrError:
        if must_answer:
            raise
        return ""
    if facts.system_identifier and facts.system_identifier != database.identifier:
        return f"its system identifier is {facts.system_identifier}, that of the recovered one {database.identifier}"
    if found.in_recovery:
        return "it is a standby and takes no writes"
    if database.timeline is not None and found.timeline != database.timeline:
        return f"it is on timeline {found.timeline}, and the recovered one on {database.timeline}"
    return ""
