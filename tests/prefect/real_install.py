"""A small protected system with everything that runs around it, and how to look at what its runs left behind."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    DeploymentFilter,
    DeploymentFilterId,
)
from prefect.client.schemas.objects import FlowRun

from deployments.processes import Process
from deployments.rows import DeployedRow
from dr.postgres.canary import beat, create_table
from dr.postgres.cluster import Server
from dr.postgres.connection import connected
from dr.secret import Secret
from tests.prefect.server_fixture import RealServer

SYSTEM = "shop"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Install:
    """Everything that runs: a database, a server, a worker, and what was registered."""

    directory: Path
    file: Path
    database: Secret
    server: RealServer
    worker_pid: int
    rows: tuple[DeployedRow, ...]

    @property
    def copies(self) -> Path:
        return self.directory / "copies" / SYSTEM


@dataclass(frozen=True, slots=True)
class Stuck:
    """A backup in the midst of its dump, which a lock of the test's keeps waiting."""

    run: UUID
    pid: int
    children: tuple[Process, ...]


def fill(cluster: Server) -> Secret:
    """A database with a table and a canary; its address."""
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


def configure(directory: Path, database: Secret) -> Path:
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


def begun_by(client: SyncPrefectClient, deployment: UUID, schedule: UUID) -> FlowRun | None:
    """The run that the scheduler created for that schedule, once it is over."""
    runs = client.read_flow_runs(deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])))
    for run in runs:
        if run.created_by is not None and run.created_by.id == schedule and run.state and run.state.is_final():
            return run
    return None


def until(found: Callable[[], T | None], seconds: float, install: Install) -> T:
    """What ``found`` finds, as soon as it does; otherwise the worker's log tells why not."""
    deadline = time.monotonic() + seconds
    while (value := found()) is None:
        assert time.monotonic() < deadline, (install.directory / "worker.log").read_text(errors="replace")[-5000:]
        time.sleep(0.3)
    return value


def final(client: SyncPrefectClient, run: UUID) -> FlowRun | None:
    """The run, once it is over."""
    now = client.read_flow_run(run)
    return now if now.state is not None and now.state.is_final() else None


def artifacts(client: SyncPrefectClient, run: UUID) -> dict[str, object]:
    """What the run published, by key; tables as lists of rows."""
    found = client.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run])))
    return {str(one.key): json.loads(str(one.data)) if one.type == "table" else one.data for one in found if one.key}


def evidence(install: Install, run: UUID) -> dict[str, object]:
    """Our own record of the run, out of the store."""
    (file,) = (install.copies / "evidence").rglob(f"run_{run}.json")
    told: dict[str, object] = json.loads(file.read_text(encoding="utf-8"))
    return told


def waiting(install: Install) -> int:
    """Sessions that wait for the test's lock; nobody but a dump asks for one."""
    with connected(install.database) as connection:
        row = connection.execute("SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone()
    return int(row["n"]) if row else 0


def unfinished(install: Install) -> list[Path]:
    """Half-written objects in the store."""
    return list(install.copies.rglob(".partial-*"))
