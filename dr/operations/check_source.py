"""Before anything is written: who is the server, can we read it with these tools, and is this its repository?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dr.configuration.model import System
from dr.errors import ConfigurationError, IdentityMismatch, SourceError
from dr.operations.draft import StoreFailure
from dr.operations.repositories import open_repository
from dr.postgres.connection import replication_connection
from dr.postgres.inspection import ServerFacts, read_facts
from dr.postgres.installations import client_for
from dr.postgres.replication import identify_system
from dr.secret import Secret


@dataclass(frozen=True, slots=True)
class SourceReport:
    """The server as it is now.

    ``physical`` says whether base backups are possible, ``physical_reason`` why not, and ``physical_wanted`` whether
    the configuration expects them.
    """

    system: str
    facts: ServerFacts
    client_version: str
    physical: bool
    physical_wanted: bool
    physical_reason: str
    failures: tuple[StoreFailure, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """Stores that do not take part, in words."""
        return tuple(f"store {item.store}: {item.message}" for item in self.failures)


def source_url(system: System) -> Secret:
    """The address of the server to protect; raises when only restoring is configured."""
    if not system.postgres.url.reveal():
        raise ConfigurationError(
            "no server is configured", hint="Set DATABASE_URL=postgresql://USER:PASSWORD@HOST:PORT/DATABASE."
        )
    return system.postgres.url


def physical_url(system: System) -> Secret:
    """The address for base backups: its own one, or the server's."""
    return system.postgres.replication_url or source_url(system)


def check_source(system: System, *, cloud: bool) -> SourceReport:
    """Ask the server, the tools and the stores. Raises when a backup would be impossible or would do harm.

    Refusals: unreachable or wrong password, client programs older than the server (I1), a repository that belongs to
    another cluster (I19), a server that an exercise has recovered: its backups would be taken for production's. A
    missing replication right is reported, not raised: the dump is still possible.
    """
    url = source_url(system)
    facts = read_facts(url)
    refuse_exercise(facts.exercise)
    client = client_for(facts.major, bin_directories(system))
    repository = open_repository(system, cloud=cloud)
    failures = repository.claim(facts.system_identifier, datetime.now(UTC), repository.stores)
    if len(failures) == len(repository.stores):
        raise next(iter(failures.values()))
    physical, reason = _physical(system)
    return SourceReport(
        system=system.name,
        facts=facts,
        client_version=client.version,
        physical=physical,
        physical_wanted=system.postgres.physical,
        physical_reason=reason,
        failures=tuple(StoreFailure(name, error.message, error.hint) for name, error in failures.items()),
    )


def refuse_exercise(run: str) -> None:
    """Raise ``IdentityMismatch`` for a server that ``run`` has recovered for practice; empty: none has."""
    if run:
        raise IdentityMismatch(
            "the server at postgres.url was recovered as an exercise, and is not production's",
            f"by {run}; it has production's identifier; in the repository it would be taken for production",
            "End the exercise, as its list says; or give this host the address of production's server.",
        )


def bin_directories(system: System) -> tuple[Path, ...]:
    """Where the configuration says PostgreSQL's programs are."""
    return system.postgres.bin_directories


def _physical(system: System) -> tuple[bool, str]:
    if not system.postgres.physical:
        return False, "postgres.physical is false: this server gives no physical backups"
    url = physical_url(system)
    try:
        connection = replication_connection(url)
    except SourceError as error:
        return False, f"{error.message}: {error.detail} {error.hint}".strip()
    try:
        identify_system(connection, url)
    finally:
        connection.finish()
    return True, ""
