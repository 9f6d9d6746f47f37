"""Which cluster's WAL is expected: the one that the repository belongs to, whatever a server says (I19)."""

from __future__ import annotations

from dr.configuration.model import System
from dr.errors import StoreError
from dr.operations.check_source import physical_url
from dr.postgres.slots import ServerWal, server_wal
from dr.storage.repository import Repository


def recorded_identifier(repository: Repository) -> str | None:
    """The system identifier that the stores have written down; None when all that answer are new.

    Raises the first store's error when none answers.
    """
    failures: list[StoreError] = []
    for store in repository.stores.values():
        try:
            record = repository.identify(store)
        except StoreError as error:
            failures.append(error)
            continue
        if record is not None:
            return record.system_identifier
    if failures and len(failures) == len(repository.stores):
        raise failures[0]
    return None


def expected_identifier(system: System, repository: Repository) -> str:
    """The same; where no store has one yet, the server's own."""
    return recorded_identifier(repository) or ask_server(system).identity.system_identifier


def ask_server(system: System) -> ServerWal:
    """Who the server is, over the replication protocol."""
    return server_wal(physical_url(system))
