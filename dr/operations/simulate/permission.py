"""May a disaster be made on this system? Only where everybody who knows it says so; one doubt is enough to refuse (I4).

The configuration of this host, the database itself, and every other system that this host or the stores know of are
asked. A server that does not answer cannot say that it is a test system.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dr.configuration.model import System
from dr.errors import DrError, ObjectMissing, StoreError, TargetRefused
from dr.evidence.approvals import NOTHING
from dr.operations.check_source import bin_directories
from dr.operations.repositories import open_repository
from dr.postgres.connection import parameters
from dr.postgres.control_data import control_data
from dr.postgres.inspection import read_facts
from dr.postgres.installations import client_for
from dr.postgres.test_mark import how_to_mark, read_test_mark
from dr.storage.repository import Repository


@dataclass(frozen=True, slots=True)
class Permitted:
    """The cluster that may be broken."""

    system: str
    system_identifier: str
    database: str


def require_test_system(system: System, others: Iterable[System]) -> Permitted:
    """Return what may be broken, or raise ``TargetRefused`` with every reason. ``others``: all that this host knows."""
    if not system.procedures.simulation.allowed:
        raise TargetRefused(
            f"{system.name} is no test system: simulation.allowed is not true for it",
            detail=NOTHING,
            hint="Disasters are made on test systems only. If this is one, say so in its configuration.",
        )
    try:
        facts = read_facts(system.postgres.url)
        mark = read_test_mark(system.postgres.url)
    except DrError as error:
        raise TargetRefused(
            f"{system.name} cannot be asked whether it is a test system: {error.message}",
            detail=NOTHING,
            hint="Start its database first.",
        ) from error
    reasons = []
    if mark != system.name:
        said = f"says {mark!r}" if mark else "does not say so"
        reasons.append(
            f"the database {facts.database} {said}; whoever knows that it is there to be broken runs:"
            f" {how_to_mark(system.name, facts.database)}"
        )
    reasons += _known_as_production(system, facts.system_identifier, tuple(others))
    reasons += _directory_doubts(system, facts.system_identifier, facts.major)
    if reasons:
        raise TargetRefused(
            f"no disaster is made on {system.name}",
            detail=f"{'; '.join(reasons)}; {NOTHING}",
            hint="Look twice: is this the system that you mean (dr config show)?",
        )
    return Permitted(system.name, facts.system_identifier, facts.database)


def _known_as_production(system: System, identifier: str, others: tuple[System, ...]) -> Iterator[str]:
    for store, record in _records(system.name, open_repository(system)):
        if record != identifier:
            yield f"store {store} knows {system.name} as another cluster ({record}), and this is {identifier}"
    mine = _server(system)
    for other in others:
        if other.name == system.name or other.procedures.simulation.allowed:
            continue
        if mine is not None and mine == _server(other):
            yield f"{other.name}, which is no test system, has the same server ({mine[0]}:{mine[1]})"
        if identifier in _identifiers(other, system):
            yield f"its system identifier {identifier} is that of {other.name}, which is no test system"
        if shared := _shared_directory(system, other):
            yield f"{other.name}, which is no test system, has its data in {shared}"


def _identifiers(other: System, ours: System) -> set[str]:
    """What the other one's stores, ours, and its server if it answers, say of which cluster it is."""
    found = {record for _, record in _records(other.name, open_repository(other))} if other.stores else set()
    found |= {
        record for _, record in _records(other.name, Repository(other.name, open_repository(ours).stores.values()))
    }
    if other.postgres.configured:
        with suppress(DrError):  # its repository has said who it is, or it has never been backed up
            found.add(read_facts(other.postgres.url).system_identifier)
    return found


def _records(name: str, repository: Repository) -> Iterator[tuple[str, str]]:
    for store_name, store in repository.stores.items():
        try:
            record = repository.identify(store)
        except (ObjectMissing, StoreError):
            continue
        if record is not None:
            yield store_name, record.system_identifier


def _server(system: System) -> tuple[str, str] | None:
    if not system.postgres.configured:
        return None
    given = parameters(system.postgres.url)
    return given.get("host", given.get("hostaddr", "")), given.get("port", "5432")


def _shared_directory(system: System, other: System) -> Path | None:
    mine = {_real(path) for path in _directories(system)}
    return next((path for path in map(_real, _directories(other)) if path in mine), None)


def _directories(system: System) -> tuple[Path, ...]:
    recovery = system.procedures.recovery
    given = (recovery.data_directory, recovery.redis_directory, *system.components.files.directories)
    return tuple(path for path in given if path is not None)


def _real(path: Path) -> Path:
    return path.resolve()


def _directory_doubts(system: System, identifier: str, major: int) -> Iterator[str]:
    """What is broken on disk has to be what was asked over the connection."""
    directory = system.procedures.recovery.data_directory
    if directory is None or not directory.exists():
        return
    try:
        found = control_data(directory, client_for(major, bin_directories(system)))["Database system identifier"]
    except (DrError, KeyError) as error:
        yield f"{directory} cannot be read as a data directory ({error.__class__.__name__})"
        return
    if found != identifier:
        yield f"recovery.data_directory {directory} belongs to cluster {found}, and the server is {identifier}"
