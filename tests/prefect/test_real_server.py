"""The whole way, on a real server, scheduler and worker: registered, begun by its schedule, done, and read back."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import (
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
from deployments.processes import children_of, wait_until_gone
from deployments.scheduler_check import SchedulerSilent
from deployments.schedules import PROCEDURES
from dr.postgres.cluster import Recipe, create_cluster, running
from dr.postgres.connection import connected
from dr.postgres.installations import installed
from dr.secret import Secret
from tests.prefect.real_install import (
    SYSTEM,
    Install,
    Stuck,
    artifacts,
    begun_by,
    configure,
    evidence,
    fill,
    final,
    unfinished,
    until,
    waiting,
)
from tests.prefect.real_procedures import APPROVER, Played, play
from tests.prefect.server_fixture import real_server, real_worker
from tests.prefect.speaking import speaking_to
from tests.scenarios.product import product

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secret]:
    """A small database with a canary."""
    newest = max((one for one in installed() if one.has_server), key=lambda one: one.major)
    directory = tmp_path_factory.mktemp("postgres") / "data"
    create_cluster(directory, newest)
    with running(directory, newest, Recipe({"wal_level": "replica", "fsync": "off"})) as cluster:
        yield fill(cluster)


@pytest.fixture(scope="module")
def install(tmp_path_factory: pytest.TempPathFactory, database: Secret) -> Iterator[Install]:
    """Registered by ``deploy``, with a worker that knows nothing but the server's address."""
    directory = tmp_path_factory.mktemp("install")
    file = configure(directory, database)
    with real_server(directory) as server, speaking_to(server.api):
        rows = deploy(SYSTEM, file=file, say=lambda row: None)
        with real_worker(server, directory, {"DR_RETRY_BASE_SECONDS": "0.01"}) as worker:
            yield Install(directory, file, database, server, worker.pid, rows)


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
            return until(lambda: begun_by(opened, deployment.id, added.id), 120, install)
        finally:
            opened.delete_deployment_schedule(deployment.id, added.id)


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
    shown = artifacts(client, nightly.id)

    assert {"backups", "retention", "progress-dump", "progress-base-backup", "progress-read-back"} <= set(shown)
    backups = shown["backups"]
    assert isinstance(backups, list)
    assert [(row["kind"], row["stores"], row["problems"]) for row in backups] == [
        ("base", "local", ""),
        ("dump", "local", ""),
    ]


def test_the_backup_is_in_the_store_with_manifest_and_evidence(install: Install, nightly: FlowRun) -> None:
    """Two manifests that name this run, and our own record of it, whatever Prefect may forget."""
    manifests = [json.loads(file.read_text()) for file in sorted(install.copies.rglob("*.manifest.json"))]
    record = evidence(install, nightly.id)

    assert {manifest["run"] for manifest in manifests} == {str(nightly.id)}
    assert (record["outcome"], record["runner"], record["flow"]) == ("completed", "prefect", "daily-backup")
    assert record["name"] == nightly.name


def test_our_own_log_is_in_the_log_of_the_run(install: Install, client: SyncPrefectClient, nightly: FlowRun) -> None:
    """Lines of ``dr`` are there to be read in the UI."""
    only = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[nightly.id]))

    def dumping() -> str | None:
        lines = [f"{log.name}: {log.message}" for log in client.read_logs(log_filter=only)]
        return next((line for line in lines if line.startswith("dr.operations.") and "dumping database" in line), None)

    assert until(dumping, 30, install)


def test_a_recovery_from_the_form_completes_and_shows_its_phases(
    install: Install, client: SyncPrefectClient, nightly: FlowRun
) -> None:
    """Ad hoc, into a directory: phases, RTO and RPO against the objective, and a data directory that was booted."""
    deployment = client.read_deployment_by_name(f"recover-database/{SYSTEM}")
    target = install.directory / "restored"

    run = client.create_flow_run_from_deployment(deployment.id, parameters={"to": str(target)})
    ended = until(lambda: final(client, run.id), 120, install)

    assert ended.state_name == "Completed", ended.state and ended.state.message
    shown = artifacts(client, run.id)
    phases = shown["recovery-phases"]
    assert isinstance(phases, list)
    totals = {row["phase"]: (row["target"], row["met"]) for row in phases}
    assert totals["RTO"] == (900, "yes")
    assert "RPO" in totals
    assert {"find", "fetch", "decrypt", "decompress", "restore", "replay", "boot", "check"} <= set(totals)
    assert {"recovery-plan", "recovery-report", "recovery-checks"} <= set(shown)
    assert (target / "PG_VERSION").is_file()
    assert evidence(install, run.id)["outcome"] == "completed"


def test_a_relative_target_lies_where_the_worker_was_begun(
    install: Install, client: SyncPrefectClient, nightly: FlowRun
) -> None:
    """Not in a temporary directory that Prefect removes after the run, with the restored database in it."""
    deployment = client.read_deployment_by_name(f"recover-database/{SYSTEM}")

    run = client.create_flow_run_from_deployment(deployment.id, parameters={"to": "beside"})
    ended = until(lambda: final(client, run.id), 120, install)

    assert ended.state_name == "Completed", ended.state and ended.state.message
    assert (install.directory / "beside" / "PG_VERSION").is_file()


def test_registering_again_finds_everything_as_it_should_be(install: Install, client: SyncPrefectClient) -> None:
    """Created the first time, unchanged the second, and the schedule has a run to come both times."""
    before = {name: client.read_deployment_by_name(f"{name}/{SYSTEM}") for name in ("daily-backup", "recover-database")}

    rows = deploy(SYSTEM, file=install.file, say=lambda row: None)

    made, scheduled = len(PROCEDURES), sum(bool(one.schedules) for one in PROCEDURES)
    assert [str(row.done) for row in install.rows] == ["created"] * (2 + made) + ["checked"] * scheduled + ["warning"]
    assert [(row.kind, str(row.done)) for row in rows] == [
        ("work pool", "unchanged"),
        ("block", "unchanged"),
        *[("deployment", "unchanged")] * made,
        *[("schedule", "checked")] * scheduled,
        ("worker", "checked"),
    ]
    assert any(row.detail.endswith("02:00 UTC") for row in rows if row.kind == "schedule")
    for name, deployment in before.items():
        after = client.read_deployment_by_name(f"{name}/{SYSTEM}")
        assert (after.id, after.updated) == (deployment.id, deployment.updated)
        assert [one.id for one in after.schedules] == [one.id for one in deployment.schedules]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, install: Install) -> Iterator[Played]:
    """A product whose application was killed, brought back from the forms of the same server by the same worker."""
    with (
        product(tmp_path_factory.mktemp("product") / "here", kinds=()) as shop,
        get_client(sync_client=True) as opened,
    ):
        yield play(opened, install, shop)


def test_a_recovery_that_is_declined_in_its_form_touches_nothing(played: Played) -> None:
    """The form shows the plan; refused, the run says who it was, and everything is as it was."""
    declined = played.declined

    assert "Start: application" in declined.question
    assert (declined.run.state_name, declined.record["outcome"]) == ("Failed", "failed")
    assert f"rejected by {APPROVER} (a test)" in str(declined.run.state and declined.run.state.message)
    assert declined.approvals == []
    assert played.untouched


def test_an_application_is_recovered_from_its_form(played: Played) -> None:
    """Agreed to, it answers again, and who agreed is kept."""
    approved = played.approved

    assert approved.run.state_name == "Completed", approved.run.state and approved.run.state.message
    assert played.answers
    assert [(row["by"], row["reason"]) for row in approved.approvals] == [(APPROVER, "a test")]
    assert {"application-plan", "approval", "application", "application-report"} <= set(approved.shown)


def test_a_recovered_system_is_verified_from_the_form(played: Played) -> None:
    """With a backup of it and its WAL seen to arrive, and nobody asked."""
    verified = played.verified

    assert verified.run.state_name == "Completed", verified.run.state and verified.run.state.message
    assert {"recovered-answers", "recovered-report"} <= set(verified.shown)
    assert verified.record["outcome"] == "completed"


def test_a_database_is_exchanged_from_its_form(played: Played) -> None:
    """Production's data directory is replaced after somebody agreed, and takes orders again."""
    exchanged = played.exchanged

    assert exchanged.run.state_name == "Completed", exchanged.run.state and exchanged.run.state.message
    assert [row["by"] for row in exchanged.approvals] == [APPROVER]
    assert {"recovery-phases", "recovery-checks", "in-place-report"} <= set(exchanged.shown)
    assert played.missing == 0


@pytest.fixture
def stuck(install: Install, client: SyncPrefectClient, nightly: FlowRun) -> Iterator[Stuck]:
    """It waits until the test is over, or does something about it."""
    deployment = client.read_deployment_by_name(f"daily-backup/{SYSTEM}")
    with connected(install.database) as holder, holder.transaction():
        holder.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        run = client.create_flow_run_from_deployment(deployment.id)
        until(lambda: waiting(install) or None, 60, install)
        (process,) = children_of(install.worker_pid)
        yield Stuck(run.id, process.pid, children_of(process.pid))
    until(lambda: final(client, run.id), 60, install)


def test_progress_is_shown_while_the_bytes_move(install: Install, client: SyncPrefectClient, stuck: Stuck) -> None:
    """The artifact is there before the step is over, and not yet at its end."""
    percent = until(lambda: artifacts(client, stuck.run).get("progress-dump"), 30, install)

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
    ended = until(lambda: final(client, second.id), 60, install)

    assert ended.state_name == "Failed"
    assert ended.state is not None
    assert "LeaseHeld" in str(ended.state.message)
    assert str(stuck.run) in str(ended.state.message)


def test_a_worker_can_be_drained_before_it_is_stopped(
    install: Install, client: SyncPrefectClient, stuck: Stuck
) -> None:
    """The run ends in order: shown as crashed, kept as interrupted, nothing half-made and no child left."""
    assert drain(install.worker_pid, seconds=0.5) == 1

    ended = until(lambda: final(client, stuck.run), 60, install)
    assert ended.state_name == "Crashed"
    assert evidence(install, stuck.run)["outcome"] == "interrupted"
    assert stuck.children
    assert not [child for child in stuck.children if child.alive]
    assert unfinished(install) == []


def test_a_killed_backup_is_shown_as_crashed_and_leaves_no_child(
    install: Install, client: SyncPrefectClient, stuck: Stuck
) -> None:
    """SIGKILL, as the kernel does it when memory runs out: the dump dies too, and no manifest appears."""
    manifests = len(list(install.copies.rglob("*.manifest.json")))

    os.kill(stuck.pid, signal.SIGKILL)
    ended = until(lambda: final(client, stuck.run), 60, install)

    assert ended.state_name == "Crashed"
    assert stuck.children
    assert wait_until_gone(stuck.children, seconds=10)
    assert len(list(install.copies.rglob("*.manifest.json"))) == manifests


def test_a_scheduler_that_creates_no_runs_is_found_out(tmp_path: Path, database: Secret) -> None:
    """The server answers, shows the schedule, and nothing would ever run: registering says so, and what to do."""
    file = configure(tmp_path, database)
    with (
        real_server(tmp_path, "--no-services") as server,
        speaking_to(server.api),
        pytest.raises(SchedulerSilent) as told,
    ):
        deploy(SYSTEM, file=file, say=lambda row: None, patience_seconds=8)

    assert f"daily-backup/{SYSTEM}/daily" in told.value.message
    assert "sqlalchemy>=2.0.40,<2.1" in told.value.hint
