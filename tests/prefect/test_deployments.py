"""Deployments are what the table says, registering them twice changes nothing, and what people decided stays."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from prefect.blocks.core import Block
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate, WorkPoolUpdate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule as ClientCron
from prefect.exceptions import PrefectHTTPStatusError
from prefect.server.schemas.schedules import CronSchedule
from prefect.settings import PREFECT_API_URL, temporary_settings

import blocks
from blocks import PostgresServer, ProtectedSystem
from deployments.applying import apply_deployment, ensure_pool
from deployments.deploying import PrefectUnavailable, deploy
from deployments.registry import WORK_POOL, deployments_of, load_flow
from deployments.rows import DeployedRow, Done
from deployments.scheduler_check import SchedulerSilent, check_schedules
from deployments.schedules import PROCEDURES, Procedure, Schedule
from deployments.system_blocks import register_system, register_types
from dr import __version__
from dr.configuration import load
from dr.errors import ConfigurationError
from dr.policy.cron import parse_cron

DAILY = PROCEDURES[0]


@pytest.fixture
def system(client: SyncPrefectClient) -> str:
    """A system that no other test has registered, in a work pool that is there."""
    ensure_pool(client)
    return f"shop-{secrets.token_hex(4)}"


@pytest.fixture
def file(tmp_path: Path, system: str) -> Path:
    """Its configuration; the secrets are given by reference."""
    return write_file(tmp_path, system, host="db")


@pytest.fixture
def applied(client: SyncPrefectClient, system: str) -> DeploymentResponse:
    """Its daily backup, registered."""
    apply_deployment(client, deployments_of(system)[0])
    return client.read_deployment_by_name(f"daily-backup/{system}")


def write_file(directory: Path, system: str, host: str) -> Path:
    """A configuration in that directory, for a server on ``host``."""
    secret_file = directory / "passphrase"
    secret_file.write_text(secrets.token_hex(16), encoding="ascii")
    file = directory / "dr.toml"
    file.write_text(
        f'[system.{system}]\nstate_directory = "state"\n'
        f'[system.{system}.postgres]\nurl = "postgresql://backup@{host}/shop"\n'
        f'[system.{system}.stores.local]\npath = "copies"\n'
        f'[system.{system}.encryption]\npassphrase_file = "passphrase"\n',
        encoding="utf-8",
    )
    return file


def again(client: SyncPrefectClient, system: str, *, description: str | None = None) -> tuple[DeployedRow, ...]:
    """Register the daily backup once more, with another description if that is wanted."""
    wanted = deployments_of(system)[0]
    if description is not None:
        wanted.description = description
    return apply_deployment(client, wanted)


def now(client: SyncPrefectClient, deployment: DeploymentResponse) -> DeploymentResponse:
    """The deployment as it is by now."""
    return client.read_deployment(deployment.id)


def meaning(deployment: DeploymentResponse) -> dict[str, tuple[UUID, bool, str]]:
    """By slug: each schedule's id, whether it is active, and when."""
    return {
        str(one.slug): (one.id, one.active, one.schedule.cron)
        for one in deployment.schedules
        if isinstance(one.schedule, ClientCron)
    }


def test_a_deployment_is_what_the_table_says() -> None:
    """One per procedure: the system's name, the flow's module path, our pool, UTC, no limit of Prefect's."""
    made = {one.full_name: one for one in deployments_of("shop")}
    daily, recover, shipping = (made[f"{name}/shop"] for name in ("daily-backup", "recover-database", "wal-shipping"))

    flows = {"daily-backup", "wal-shipping", "integrity-test", "verification", "recover-database", "side-restore"}
    flows |= {
        "assess",
        "verify-recovery",
        "database-recovery-test",
        "full-dr-test",
        "dr-test",
        "restore-drill",
        "component-drill",
    }
    flows |= {"component-recovery-test"}
    flows |= {"full-recovery"}
    flows |= {"monitoring", "alert-self-test"}
    flows |= {"recover-application"}
    flows |= {"region-failover", "fail-back", "switch-traffic"}
    flows |= {"application-backup", "infrastructure-backup"}
    flows |= {"simulate-disaster", "undo-simulation", "quarterly-drill"}
    assert made.keys() == {f"{flow}/shop" for flow in flows}
    assert (daily.entrypoint, daily.work_pool_name) == ("flows.daily_backup.daily_backup", WORK_POOL)
    assert daily.parameters == {"cloud": True, "system": "shop"}
    assert (daily.description, daily.version) == (DAILY.description, __version__)
    assert daily.tags == ["dr", "backup", "system:shop"]
    assert daily.concurrency_limit is None
    assert daily.schedules is not None
    (schedule,) = daily.schedules
    assert (schedule.schedule, schedule.active, schedule.slug) == (
        ClientCron(cron="0 2 * * *", timezone="UTC"),
        True,
        "daily",
    )
    assert [one.schedule for one in shipping.schedules or ()] == [ClientCron(cron="*/15 * * * *", timezone="UTC")]
    assert recover.schedules == made["side-restore/shop"].schedules == []


@pytest.mark.parametrize("procedure", PROCEDURES, ids=lambda one: one.entrypoint)
def test_a_worker_can_import_every_flow_and_its_form_is_described(procedure: Procedure) -> None:
    """What is registered exists, and each field of its form says what it is for."""
    flow = load_flow(procedure)

    assert flow.description
    properties = flow.parameters.model_dump()["properties"]
    assert all(field.get("description") for field in properties.values())
    assert "anyOf" not in str(properties), "an optional field is a clumsy toggle in the form: give it a plain default"


def test_we_and_prefect_read_a_schedule_the_same_way() -> None:
    """The next times by our reading are Prefect's, for the whole table and the guide's other schedules."""
    crons = {schedule.cron for procedure in PROCEDURES for schedule in procedure.schedules}
    crons |= {"*/15 * * * *", "0 3 * * 0", "0 4 1 * *", "0 1 * * *", "0 1 * * 6", "0 1 1 * *", "0 1 1 */3 *"}
    begin = datetime(2026, 11, 23, 18, 31, tzinfo=UTC)
    for cron in crons:
        theirs = asyncio.run(CronSchedule(cron=cron, timezone="UTC").get_dates(n=5, start=begin))  # type: ignore[arg-type]
        ours, moment = [], begin
        for _ in theirs:
            moment = parse_cron(cron).first_after(moment)
            ours.append(moment)
        assert ours == theirs, cron


def test_registering_twice_changes_nothing(client: SyncPrefectClient, system: str, applied: DeploymentResponse) -> None:
    """Not an id, not a schedule, not even the time of the last change: no scheduled run is dropped."""
    rows = again(client, system)

    after = now(client, applied)
    assert [str(row.done) for row in rows] == ["unchanged"]
    assert (after.id, after.updated, meaning(after)) == (applied.id, applied.updated, meaning(applied))


def test_a_changed_deployment_stays_the_same_one(
    client: SyncPrefectClient, system: str, applied: DeploymentResponse
) -> None:
    """Its id and its schedule's survive, and the row says what changed."""
    client.update_deployment(applied.id, DeploymentUpdate(parameters={"cloud": False, "system": system}))

    (row,) = again(client, system, description="Other words.")

    after = now(client, applied)
    assert (row.done, row.detail) == (Done.UPDATED, "description, parameters")
    assert after.parameters == {"cloud": True, "system": system}
    assert meaning(after) == meaning(applied)


def test_a_schedule_that_people_paused_stays_paused_and_is_reported(
    client: SyncPrefectClient, system: str, applied: DeploymentResponse
) -> None:
    """Registering is no reason to begin backups that somebody stopped; that none will be made is said each time."""
    (schedule,) = applied.schedules
    client.update_deployment_schedule(applied.id, schedule.id, active=False)

    unchanged = again(client, system)
    changed = again(client, system, description="Other words.")

    assert meaning(now(client, applied))["daily"] == (schedule.id, False, "0 2 * * *")
    for rows in (unchanged, changed):
        assert [(row.kind, row.done) for row in rows[1:]] == [("schedule", Done.WARNING)]
        assert "paused" in rows[1].detail


def test_a_deployment_that_people_paused_stays_paused_and_is_reported(
    client: SyncPrefectClient, system: str, applied: DeploymentResponse
) -> None:
    """The same for the switch of the whole deployment."""
    client.pause_deployment(applied.id)

    rows = again(client, system, description="Other words.")

    assert now(client, applied).paused
    assert [row.done for row in rows] == [Done.UPDATED, Done.WARNING]


def test_a_schedule_that_people_added_is_kept(
    client: SyncPrefectClient, system: str, applied: DeploymentResponse
) -> None:
    """Also through a change, when Prefect would replace all schedules by ours."""
    added = DeploymentScheduleCreate(schedule=ClientCron(cron="5 5 * * *"), active=True)
    client.create_deployment_schedules(applied.id, [added])

    rows = again(client, system, description="Other words.")

    assert sorted(cron for _, _, cron in meaning(now(client, applied)).values()) == ["0 2 * * *", "5 5 * * *"]
    assert [(row.done, row.detail) for row in rows[1:]] == [(Done.KEPT, "5 5 * * *, added in Prefect")]


def test_a_schedule_that_the_table_no_longer_has_is_removed(
    client: SyncPrefectClient, system: str, applied: DeploymentResponse
) -> None:
    """A slug of ours that was renamed must not run twice a night."""
    renamed = Procedure(
        DAILY.entrypoint, DAILY.description, DAILY.tags, DAILY.parameters, (Schedule("nightly", "0 3 * * *"),)
    )

    rows = apply_deployment(client, *deployments_of(system, [renamed]))

    assert [(row.kind, row.done) for row in rows] == [("deployment", Done.UPDATED), ("schedule", Done.REMOVED)]
    assert list(meaning(now(client, applied))) == ["nightly"]


def test_a_form_offers_no_other_system(client: SyncPrefectClient, applied: DeploymentResponse) -> None:
    """A run of one system's deployment cannot be pointed at another's database."""
    with pytest.raises(PrefectHTTPStatusError, match="'elsewhere' is not one of"):
        client.create_flow_run_from_deployment(applied.id, parameters={"system": "elsewhere"})


def test_the_form_of_every_block_is_offered(client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of those that nobody has saved yet: registering the whole registers all that it is made of."""
    kinds = [kind for kind in vars(blocks).values() if isinstance(kind, type) and issubclass(kind, Block)]
    for kind in kinds:
        monkeypatch.setattr(kind, "_block_schema_id", None)

    register_types()

    assert len(kinds) > 30
    assert [kind.__name__ for kind in kinds if kind._block_schema_id is None] == []
    assert {kind.get_block_type_slug() for kind in kinds} <= {kind.slug for kind in client.read_block_types()}


def test_blocks_are_made_once(system: str, file: Path) -> None:
    """The first registration saves them, the second leaves them alone."""
    register_types()

    assert register_system(system, file).done is Done.CREATED
    document = ProtectedSystem.load(system)._block_document_id  # type: ignore[union-attr]
    assert register_system(system, file) == DeployedRow("block", f"protected-system/{system}", Done.UNCHANGED)
    assert ProtectedSystem.load(system)._block_document_id == document  # type: ignore[union-attr]


def test_an_edited_block_is_kept_until_its_replacement_is_asked_for(tmp_path: Path, system: str, file: Path) -> None:
    """The row names what differs, and no secret; with replace the file's word holds."""
    register_system(system, file)
    write_file(tmp_path, system, host="other")

    kept = register_system(system, file)
    still = ProtectedSystem.load(system)
    replaced = register_system(system, file, replace=True)

    assert (kept.done, "postgres.url" in kept.detail, "other" in kept.detail) == (Done.KEPT, True, False)
    assert "@db/" in still.postgres.url.get_secret_value()  # type: ignore[union-attr]
    assert (replaced.done, replaced.detail) == (Done.UPDATED, "postgres.url")
    server = PostgresServer.load(system)
    assert "@other/" in server.url.get_secret_value()  # type: ignore[union-attr]


def test_a_system_that_only_its_block_describes_is_registered(
    system: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deploying from a machine without the file changes nothing and needs nothing."""
    register_system(system, file)
    file.unlink()
    monkeypatch.delenv("DATABASE_URL", raising=False)

    row = register_system(system, None)

    assert (row.done, row.detail) == (Done.KEPT, "described by the Block alone")


def test_a_system_that_nothing_describes_is_refused(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Block is made of nothing."""
    monkeypatch.delenv("DATABASE_URL", raising=False)

    with pytest.raises(ConfigurationError):
        register_system(system, None)


def test_the_block_gives_back_what_the_file_says(system: str, file: Path) -> None:
    """A worker that sees the Block alone has the same system."""
    register_system(system, file)
    block = ProtectedSystem.load(system)

    assert load(system, block_layer=block.layer()).system == load(system, file=file).system  # type: ignore[union-attr]


def test_a_paused_pool_is_reported(client: SyncPrefectClient, system: str) -> None:
    """Nothing runs then, however good the schedules are."""
    client.update_work_pool(WORK_POOL, WorkPoolUpdate(is_paused=True))
    try:
        assert ensure_pool(client).done is Done.WARNING
    finally:
        client.update_work_pool(WORK_POOL, WorkPoolUpdate(is_paused=False))
    assert ensure_pool(client).done is Done.UNCHANGED


def test_without_a_server_nothing_is_registered_anywhere(file: Path, system: str) -> None:
    """Prefect alone would begin one in this process, register with it, and end it."""
    with temporary_settings({PREFECT_API_URL: None}), pytest.raises(PrefectUnavailable, match="no Prefect server"):
        deploy(system, file=file, say=lambda row: None)


def test_a_server_that_does_not_answer_is_named(file: Path, system: str) -> None:
    """With its address and what to do."""
    dead = "http://127.0.0.1:9/api"
    with (
        temporary_settings({PREFECT_API_URL: dead}),
        pytest.raises(PrefectUnavailable, match="does not answer") as told,
    ):
        deploy(system, file=file, say=lambda row: None)

    assert dead in told.value.message
    assert told.value.hint


def test_a_scheduler_that_creates_no_runs_is_found_out(client: SyncPrefectClient, applied: DeploymentResponse) -> None:
    """The server answers, shows the schedule, and nothing would ever run: this says so, and what to do.

    The server that these tests share runs no scheduler.
    """
    with pytest.raises(SchedulerSilent) as told:
        check_schedules(client, [f"daily-backup/{applied.name}"], patience_seconds=1)

    assert f"daily-backup/{applied.name}/daily" in told.value.message
    assert "sqlalchemy>=2.0.40,<2.1" in told.value.hint
