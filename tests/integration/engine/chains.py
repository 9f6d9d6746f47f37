"""Making and restoring chains of base backups, and a load that leaves a trace when a copy is not consistent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dr.catalog.chains import chain_to
from dr.catalog.manifest import Manifest
from dr.configuration.model import System
from dr.operations.back_up_cluster import back_up_cluster
from dr.operations.draft import Draft
from dr.operations.prove import prove
from dr.operations.publish import publish
from dr.operations.repositories import open_repository
from dr.operations.restore_chain import restore_chain
from dr.operations.restore_cluster import RestoredCluster
from dr.policy.base_schedule import BaseMethod
from dr.postgres.connection import connected
from dr.secret import Secret
from dr.storage.protocol import Store
from tests.integration.engine.conftest import Site

ACCOUNTS = 2000


def back_up(system: System, method: BaseMethod = BaseMethod.AUTO) -> Draft:
    """One base backup, proven and published."""
    draft = back_up_cluster(system, run="test", cloud=True, base_method=method)
    publish(system, draft, prove(system, draft, run="test"))
    return draft


def chain_of(system: System, label: str) -> tuple[Manifest, ...]:
    """All that a backup needs, oldest first, from what the stores list."""
    backups = open_repository(system).list().backups
    return chain_to(label, {str(item.label): item.manifest for item in backups})


def bring_back(system: System, label: str, directory: Path) -> RestoredCluster:
    """Restore a chain from any store that has it."""
    repository = open_repository(system)

    def stores_of(manifest: Manifest) -> tuple[Store, ...]:
        return tuple(repository.store(name) for name in manifest.stores)

    return restore_chain(system, chain_of(system, label), stores_of, directory)


def make_accounts(site: Site) -> None:
    """Accounts whose sum is always nothing, in a table of several megabytes."""
    with connected(site.url) as connection:
        connection.execute("DROP TABLE IF EXISTS accounts")
        connection.execute(
            "CREATE TABLE accounts AS SELECT i AS id, 0 AS amount, repeat(md5(i::text), 60) AS filler "
            "FROM generate_series(1, %s) AS i",
            (ACCOUNTS,),
        )
        connection.execute("CREATE UNIQUE INDEX ON accounts (id)")


@contextmanager
def transfers(url: Secret) -> Iterator[None]:
    """Move money between accounts, several hundred times a second, until the end."""
    ending = threading.Event()
    failures: list[BaseException] = []

    def move() -> None:
        try:
            with connected(url) as connection:
                number = 0
                while not ending.is_set():
                    number += 1
                    with connection.transaction():
                        for account, amount in ((number * 7, -number), (number * 13 + 1, number)):
                            connection.execute(
                                "UPDATE accounts SET amount = amount + %s WHERE id = %s",
                                (amount, account % ACCOUNTS + 1),
                            )
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)

    mover = threading.Thread(target=move)
    mover.start()
    try:
        yield
    finally:
        ending.set()
        mover.join()
    if failures:
        raise failures[0]
