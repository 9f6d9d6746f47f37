"""A small protected system with everything that runs around it, and how to look at what its runs left behind."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.responses import DeploymentResponse

from deployments.deploying import deploy
from deployments.rows import DeployedRow
from deployments.workers import online_workers
from dr.postgres.canary import beat, create_table
from dr.postgres.cluster import Recipe, Server, create_cluster, running
from dr.postgres.connection import connected
from dr.postgres.installations import installed
from dr.secret import Secret
from tests.prefect.desk import PATIENCE_SECONDS, Desk, until
from tests.prefect.server_fixture import real_server, real_worker
from tests.prefect.speaking import speaking_to

SYSTEM = "shop"
BACKUP = "flows.daily_backup.daily_backup"
"""The one that is looked at."""


@dataclass(frozen=True, slots=True)
class Install:
    """Everything that runs: a database, a server with somebody at its UI, a worker, and what was registered.

    ``rows`` tell of the first registration, ``again`` of the second, between which nothing but the worker was begun;
    ``before`` and ``after`` are the deployments after the one and the other.
    """

    directory: Path
    database: Secret
    desk: Desk
    worker_pid: int
    rows: tuple[DeployedRow, ...]
    again: tuple[DeployedRow, ...]
    before: tuple[DeploymentResponse, ...]
    after: tuple[DeploymentResponse, ...]

    @property
    def copies(self) -> Path:
        return self.directory / "copies" / SYSTEM

    def manifests(self) -> list[Path]:
        """Of every backup that exists."""
        return sorted(self.copies.rglob("*.manifest.json"))

    def unfinished(self) -> list[Path]:
        """Half-written objects in the store."""
        return list(self.copies.rglob(".partial-*"))

    def evidence(self, run: UUID) -> dict[str, object]:
        """Our own record of the run, out of the store."""
        (file,) = (self.copies / "evidence").rglob(f"run_{run}.json")
        told: dict[str, object] = json.loads(file.read_text(encoding="utf-8"))
        return told

    @contextmanager
    def holding_up(self) -> Iterator[None]:
        """A lock keeps a dump from going on as long as this is entered."""
        with connected(self.database) as holder, holder.transaction():
            holder.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
            yield

    def wait_until_held_up(self) -> None:
        """A session waits for the test's lock; nobody but a dump asks for one."""
        until(lambda: self._waiting() or None, PATIENCE_SECONDS, self.desk.log)

    def _waiting(self) -> int:
        question = "SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        with connected(self.database) as connection:
            row = connection.execute(question).fetchone()
        return int(row["n"]) if row else 0


@contextmanager
def real_install(directory: Path) -> Iterator[Install]:
    """Registered by ``deploy``, with a worker that knows nothing but the server's address."""
    with _database(directory / "postgres") as database:
        file = _configure(directory, database)
        with (
            real_server(directory) as server,
            speaking_to(server.api),
            get_client(sync_client=True) as client,
        ):
            rows, before = _registered(client, file)
            with real_worker(server, directory, {"DR_RETRY_BASE_SECONDS": "0.01"}) as worker:
                desk = Desk(client, SYSTEM, directory / "worker.log")
                until(lambda: online_workers(client) or None, PATIENCE_SECONDS, desk.log)
                again, after = _registered(client, file)
                # What begins by itself every few minutes would begin in the midst of what is looked at.
                for deployment in after:
                    if deployment.schedules and deployment.entrypoint != BACKUP:
                        client.pause_deployment(deployment.id)
                yield Install(directory, database, desk, worker.pid, rows, again, before, after)


def _registered(
    client: SyncPrefectClient, file: Path
) -> tuple[tuple[DeployedRow, ...], tuple[DeploymentResponse, ...]]:
    rows = deploy(SYSTEM, file=file, say=lambda row: None)
    return rows, tuple(sorted(client.read_deployments(), key=lambda one: one.id))


@contextmanager
def _database(directory: Path) -> Iterator[Secret]:
    """A small one with a canary."""
    newest = max((one for one in installed() if one.has_server), key=lambda one: one.major)
    create_cluster(directory, newest)
    with running(directory, newest, Recipe({"wal_level": "replica", "fsync": "off"})) as cluster:
        yield _fill(cluster)


def _fill(cluster: Server) -> Secret:
    with connected(cluster.url_for("postgres")) as connection:
        connection.execute("CREATE DATABASE shop")
    url = cluster.url_for("shop")
    with connected(url) as connection:
        connection.execute(
            "CREATE TABLE users AS SELECT i AS id, md5(i::text) AS name FROM generate_series(1, 20000) i"
        )
        create_table(connection)
        beat(connection)
    return url


def _configure(directory: Path, database: Secret) -> Path:
    """The system's configuration file in that directory, secrets by reference."""
    for name, secret in (("url", database.reveal()), ("passphrase", secrets.token_hex(16))):
        (directory / name).write_text(secret, encoding="utf-8")
        (directory / name).chmod(0o600)
    file = directory / "dr.toml"
    file.write_text(
        f'[system.{SYSTEM}]\nstate_directory = "state"\n'
        f'[system.{SYSTEM}.postgres]\nurl_file = "url"\n'
        f'[system.{SYSTEM}.stores.local]\npath = "copies"\n'
        f'[system.{SYSTEM}.encryption]\npassphrase_file = "passphrase"\n',
        encoding="utf-8",
    )
    return file
