"""The whole way, on a real server, scheduler and worker: registered, begun by its schedule, done, and read back."""

from __future__ import annotations

import json
import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterId,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.deploying import deploy
from deployments.draining import drain
from deployments.processes import Process, children_of, wait_until_gone
from deployments.rows import DeployedRow
from deployments.scheduler_check import SchedulerSilent
from dr.postgres.canary import beat, create_table
from dr.postgres.cluster import Recipe, Server, create_cluster, running
from dr.postgres.connection import connected
from dr.postgres.installations import installed
from dr.secret import Secret
from tests.prefect.server_fixture import RealServer, real_server, real_worker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
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


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secret]:
    """A small database with a canary."""
    newest = max((one for one in installed() if one.has_server), key=lambda one: one.major)
    directory = tmp_path_factory.mktemp("postgres") / "data"
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


@pytest.fixture(scope="module")
def install(tmp_path_factory: pytest.TempPathFactory, database: Secret) -> Iterator[Install]:
    """Registered by ``deploy``, with a worker that knows nothing but the server's address."""
    directory = tmp_path_factory.mktemp("install")
    file = _configure(directory, database)
    with real_server(directory) as server, temporary_settings({PREFECT_API_URL: server.api}):
        rows = deploy(SYSTEM, file=file, say=lambda row: None)
        with real_worker(server, directory, {"DR_RETRY_BASE_SECONDS": "0.01"}) as worker:
            yield Install(directory, file, database, server, worker.pid, rows)


def _configure(directory: Path, database: Secret) -> Path:
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


@pytest.fixture
def client(install: Install) -> Iterator[SyncPrefectClient]:
    """The real server's API, not the one that the other tests share."""
    with temporary_settings({PREFECT_API_URL: install.server.api}), get_client(sync_client=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def nightly(install: Install) -> FlowRun:
    """A backup that the scheduler created, the worker took, and that is over."""
    with temporary_settings({PREFECT_API_URL: install.server.api}), get_client(sync_client=True) as opened:
        deployment = opened.read_deployment_by_name(f"daily-backup/{SYSTEM}")
        soon = IntervalSchedule(interval=timedelta(days=1), anchor_date=datetime.now(UTC) + timedelta(seconds=8))  # type: ignore[arg-type]
        (added,) = opened.create_deployment_schedules(
            deployment.id, [DeploymentScheduleCreate(schedule=soon, active=True, slug="in-a-moment")]
        )
        try:
            return _until(lambda: _begun_by(opened, deployment.id, added.id), 120, install)
        finally:
            opened.delete_deployment_schedule(deployment.id, added.id)


def _begun_by(client: SyncPrefectClient, deployment: UUID, schedule: UUID) -> FlowRun | None:
    runs = client.read_flow_runs(deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])))
    for run in runs:
        if run.created_by is not None and run.created_by.id == schedule and run.state and run.state.is_final():
            return run
    return None


def _until(found: Callable[[], T | None], seconds: float, install: Install) -> T:
    until = time.monotonic() + seconds
    while (value := found()) is None:
        assert time.monotonic() < until, (install.directory / "worker.log").read_text(errors="replace")[-5000:]
        time.sleep(0.3)
    return value


def _final(client: SyncPrefectClient, run: UUID) -> FlowRun | None:
    now = client.read_flow_run(run)
    return now if now.state is not None and now.state.is_final() else None


def _artifacts(client: SyncPrefectClient, run: UUID) -> dict[str, object]:
    found = client.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run])))
    return {str(one.key): json.loads(str(one.data)) if one.type == "table" else one.data for one in found if one.key}


def _evidence(install: Install, run: UUID) -> dict[str, object]:
    (file,) = (install.copies / "evidence").rglob(f"run_{run}.json")
    told: dict[str, object] = json.loads(file.read_text(encoding="utf-8"))
    return told


def test_the_schedule_begins_a_backup_that_completes(nightly: FlowRun) -> None:
    """Created by the scheduler, taken by the worker, named by system and time."""
    assert nightly.state_name == "Completed", nightly.state and nightly.state.message
    assert nightly.created_by is not None
    assert nightly.created_by.type == "SCHEDULE"
    assert nightly.name.startswith(f"daily-backup-{SYSTEM}-")
    assert {"dr", "backup", f"system:{SYSTEM}"} <= set(nightly.tags)


def test_the_steps_of_the_backup_are_task_runs(client: SyncPrefectClient, nightly: FlowRun) -> None:
    """As the flow's page names them, each completed."""
    only = FlowRunFilter(id=FlowRunFilterId(any_=[nightly.id]))

    found = [(run.name.rpartition("-")[0], run.state_name) for run in client.read_task_runs(flow_run_filter=only)]

    assert sorted(found) == sorted(
        (name, "Completed")
        for name in (
            "check the source",
            "dump the database",
            "read it back",
            "publish the backup",
            "copy the cluster",
            "read it back",
            "publish the backup",
            "expire local copies",
        )
    )


def test_the_backup_shows_its_tables_and_its_progress(client: SyncPrefectClient, nightly: FlowRun) -> None:
    """What was made and how far it is proven, what is kept and why, and how far the bytes were."""
    shown = _artifacts(client, nightly.id)

    assert {"backups", "retention", "progress-dump", "progress-base-backup", "progress-read-back"} <= set(shown)
    backups = shown["backups"]
    assert isinstance(backups, list)
    assert [(row["kind"], row["stores"], row["problems"]) for row in backups] == [
        ("dump", "local", ""),
        ("base", "local", ""),
    ]


def test_the_backup_is_in_the_store_with_manifest_and_evidence(install: Install, nightly: FlowRun) -> None:
    """Two manifests that name this run, and our own record of it, whatever Prefect may forget."""
    manifests = [json.loads(file.read_text()) for file in sorted(install.copies.rglob("*.manifest.json"))]
    evidence = _evidence(install, nightly.id)

    assert {manifest["run"] for manifest in manifests} == {str(nightly.id)}
    assert (evidence["outcome"], evidence["runner"], evidence["flow"]) == ("completed", "prefect", "daily-backup")
    assert evidence["name"] == nightly.name


def test_our_own_log_is_in_the_log_of_the_run(install: Install, client: SyncPrefectClient, nightly: FlowRun) -> None:
    """Lines of ``dr`` are there to be read in the UI."""
    only = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[nightly.id]))

    def dumping() -> str | None:
        lines = [f"{log.name}: {log.message}" for log in client.read_logs(log_filter=only)]
        return next((line for line in lines if line.startswith("dr.operations.") and "dumping database" in line), None)

    assert _until(dumping, 30, install)


def test_a_recovery_from_the_form_completes_and_shows_its_phases(
    install: Install, client: SyncPrefectClient, nightly: FlowRun
) -> None:
    """Ad hoc, into a directory: phases, RTO and RPO against the objective, and a data directory that was booted."""
    deployment = client.read_deployment_by_name(f"recover-database/{SYSTEM}")
    target = install.directory / "restored"

    run = client.create_flow_run_from_deployment(deployment.id, parameters={"to": str(target)})
    ended = _until(lambda: _final(client, run.id), 120, install)

    assert ended.state_name == "Completed", ended.state and ended.state.message
    shown = _artifacts(client, run.id)
    phases = shown["recovery-phases"]
    assert isinstance(phases, list)
    totals = {row["phase"]: (row["target"], row["met"]) for row in phases}
    assert totals["RTO"] == (900, "yes")
    assert "RPO" in totals
    assert {"find", "fetch", "decrypt", "decompress", "restore", "replay", "boot", "check"} <= set(totals)
    assert {"recovery-plan", "recovery-report", "recovery-checks"} <= set(shown)
    assert (target / "PG_VERSION").is_file()
    assert _evidence(install, run.id)["outcome"] == "completed"


def test_a_relative_target_lies_where_the_worker_was_begun(
    install: Install, client: SyncPrefectClient, nightly: FlowRun
) -> None:
    """Not in a temporary directory that Prefect removes after the run, with the restored database in it."""
    deployment = client.read_deployment_by_name(f"recover-database/{SYSTEM}")

    run = client.create_flow_run_from_deployment(deployment.id, parameters={"to": "beside"})
    ended = _until(lambda: _final(client, run.id), 120, install)

    assert ended.state_name == "Completed", ended.state and ended.state.message
    assert (install.directory / "beside" / "PG_VERSION").is_file()


def test_registering_again_finds_everything_as_it_should_be(install: Install, client: SyncPrefectClient) -> None:
    """Created the first time, unchanged the second, and the schedule has a run to come both times."""
    before = {name: client.read_deployment_by_name(f"{name}/{SYSTEM}") for name in ("daily-backup", "recover-database")}

    rows = deploy(SYSTEM, file=install.file, say=lambda row: None)

    assert [str(row.done) for row in install.rows] == ["created"] * 4 + ["checked", "warning"]
    assert [(row.kind, str(row.done)) for row in rows] == [
        ("work pool", "unchanged"),
        ("block", "unchanged"),
        ("deployment", "unchanged"),
        ("deployment", "unchanged"),
        ("schedule", "checked"),
        ("worker", "checked"),
    ]
    assert rows[4].detail.endswith("02:00 UTC")
    for name, deployment in before.items():
        after = client.read_deployment_by_name(f"{name}/{SYSTEM}")
        assert (after.id, after.updated) == (deployment.id, deployment.updated)
        assert [one.id for one in after.schedules] == [one.id for one in deployment.schedules]


@dataclass(frozen=True, slots=True)
class Stuck:
    """A backup in the midst of its dump, which a lock of the test's keeps waiting."""

    run: UUID
    pid: int
    children: tuple[Process, ...]


@pytest.fixture
def stuck(install: Install, client: SyncPrefectClient, nightly: FlowRun) -> Iterator[Stuck]:
    """It waits until the test is over, or does something about it."""
    deployment = client.read_deployment_by_name(f"daily-backup/{SYSTEM}")
    with connected(install.database) as holder, holder.transaction():
        holder.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        run = client.create_flow_run_from_deployment(deployment.id)
        _until(lambda: _waiting(install) or None, 60, install)
        (process,) = children_of(install.worker_pid)
        yield Stuck(run.id, process.pid, children_of(process.pid))
    _until(lambda: _final(client, run.id), 60, install)


def _waiting(install: Install) -> int:
    """Sessions that wait for the test's lock; nobody but a dump asks for one."""
    with connected(install.database) as connection:
        row = connection.execute("SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone()
    return int(row["n"]) if row else 0


def _unfinished(install: Install) -> list[Path]:
    return list(install.copies.rglob(".partial-*"))


def test_progress_is_shown_while_the_bytes_move(install: Install, client: SyncPrefectClient, stuck: Stuck) -> None:
    """The artifact is there before the step is over, and not yet at its end."""
    percent = _until(lambda: _artifacts(client, stuck.run).get("progress-dump"), 30, install)

    run = client.read_flow_run(stuck.run)
    assert run.state_name == "Running"
    assert isinstance(percent, int | float)
    assert percent < 100


def test_a_second_backup_is_refused_and_says_who_is_at_work(
    install: Install, client: SyncPrefectClient, stuck: Stuck
) -> None:
    """By our own lease, not by a limit of Prefect's (I25)."""
    deployment = client.read_deployment_by_name(f"daily-backup/{SYSTEM}")

    second = client.create_flow_run_from_deployment(deployment.id)
    ended = _until(lambda: _final(client, second.id), 60, install)

    assert ended.state_name == "Failed"
    assert ended.state is not None
    assert "LeaseHeld" in str(ended.state.message)
    assert str(stuck.run) in str(ended.state.message)


def test_a_worker_can_be_drained_before_it_is_stopped(
    install: Install, client: SyncPrefectClient, stuck: Stuck
) -> None:
    """The run ends in order: shown as crashed, kept as interrupted, nothing half-made and no child left."""
    assert drain(install.worker_pid, seconds=0.5) == 1

    ended = _until(lambda: _final(client, stuck.run), 60, install)
    assert ended.state_name == "Crashed"
    assert _evidence(install, stuck.run)["outcome"] == "interrupted"
    assert stuck.children
    assert not [child for child in stuck.children if child.alive]
    assert _unfinished(install) == []


def test_a_killed_backup_is_shown_as_crashed_and_leaves_no_child(
    install: Install, client: SyncPrefectClient, stuck: Stuck
) -> None:
    """SIGKILL, as the kernel does it when memory runs out: the dump dies too, and no manifest appears."""
    manifests = len(list(install.copies.rglob("*.manifest.json")))

    os.kill(stuck.pid, signal.SIGKILL)
    ended = _until(lambda: _final(client, stuck.run), 60, install)

    assert ended.state_name == "Crashed"
    assert stuck.children
    assert wait_until_gone(stuck.children, seconds=10)
    assert len(list(install.copies.rglob("*.manifest.json"))) == manifests


def test_a_scheduler_that_creates_no_runs_is_found_out(tmp_path: Path, database: Secret) -> None:
    """The server answers, shows the schedule, and nothing would ever run: registering says so, and what to do."""
    file = _configure(tmp_path, database)
    with (
        real_server(tmp_path, "--no-services") as server,
        temporary_settings({PREFECT_API_URL: server.api}),
        pytest.raises(SchedulerSilent) as told,
    ):
        deploy(SYSTEM, file=file, say=lambda row: None, patience_seconds=8)

    assert f"daily-backup/{SYSTEM}/daily" in told.value.message
    assert "sqlalchemy>=2.0.40,<2.1" in told.value.hint
