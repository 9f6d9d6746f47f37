"""An assessment knows whether what is scheduled will run, by a real server's word, and is a flow itself."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.settings import PREFECT_API_URL
from prefect.states import Scheduled

from deployments.applying import apply_deployment, ensure_pool
from deployments.registry import deployments_of
from dr.operations.assess.probes.schedules import see_schedules
from dr.operations.assess.questions import PREFECT_SERVER
from dr.policy.observation import Condition, Observation
from dr.policy.severity import Severity
from flows.assess import assess

SECONDS = 20.0


@pytest.fixture
def system(client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch) -> str:
    """A system that nobody has registered yet; the environment names the server, as an operator's does."""
    monkeypatch.setenv(PREFECT_SERVER, PREFECT_API_URL.value())
    ensure_pool(client)
    return f"shop-{secrets.token_hex(4)}"


@pytest.fixture
def daily(client: SyncPrefectClient, system: str) -> DeploymentResponse:
    """Its daily backup, registered with a server whose scheduler does nothing."""
    apply_deployment(client, deployments_of(system)[0])
    return client.read_deployment_by_name(f"daily-backup/{system}")


def scheduled(client: SyncPrefectClient, deployment: DeploymentResponse, when: datetime) -> None:
    """A run, as the scheduler would create it."""
    run = client.create_flow_run_from_deployment(deployment.id, state=Scheduled(scheduled_time=when))
    assert run.state is not None
    assert run.state.type is StateType.SCHEDULED


def seen(system: str) -> Observation:
    """What is told of its schedules."""
    return see_schedules(system, SECONDS)


def test_a_system_that_is_not_deployed_is_told(system):
    """A server that knows nothing of it will run nothing for it."""
    said = seen(system)

    assert (said.condition, said.shown) == (Condition.IMPAIRED, "NONE")


@pytest.mark.incident("I26")
def test_a_schedule_without_a_future_run_is_told(client, system, daily):
    """It is active and shown, and nothing will ever come of it; a run of yesterday is none of tomorrow."""
    scheduled(client, daily, datetime.now(UTC) - timedelta(days=1))
    said = seen(system)

    assert (said.condition, said.shown) == (Condition.IMPAIRED, "NO FUTURE RUN")
    assert "daily-backup" in said.detail


def test_a_schedule_with_a_future_run_is_well(client, system, daily):
    """Tomorrow's backup is there."""
    scheduled(client, daily, datetime.now(UTC) + timedelta(hours=8))
    said = seen(system)

    assert (said.condition, said.shown) == (Condition.OK, "OK (1 have a future run)")


@pytest.mark.incident("I26")
def test_a_paused_schedule_is_told_however_many_others_run(client, system, daily):
    """Somebody stopped the backups, and they are still stopped; the rest goes on."""
    other = deployments_of(system)[1]
    apply_deployment(client, other)
    scheduled(client, client.read_deployment_by_name(other.full_name), datetime.now(UTC) + timedelta(hours=8))
    client.pause_deployment(daily.id)
    said = seen(system)

    assert (said.condition, said.shown) == (Condition.IMPAIRED, "PAUSED")
    assert said.detail.endswith(": daily-backup")


def test_a_server_that_is_away_is_told_within_the_time(system, monkeypatch):
    """Nothing runs by itself meanwhile, and nobody waits for it."""
    monkeypatch.setenv(PREFECT_SERVER, "http://127.0.0.1:9/api")
    said = seen(system)

    assert (said.condition, said.shown) == (Condition.DOWN, "SERVER DOWN")


def test_the_flow_publishes_the_screen(client, system, own_directory: Path):
    """The guide's lines are the run's artifact, and the result is the assessment."""
    file = own_directory / "dr.toml"
    file.write_text(
        f'[system.{system}]\npostgres.url = "postgresql://app@127.0.0.1:9/shop"\n'
        'stores.local.path = "copies"\nredis.url = "redis://127.0.0.1:9/0"\n'
    )
    file.chmod(0o600)

    found = assess(system=system, seconds=60.0)

    assert found.judgement.severity is Severity.CRITICAL
    artifacts = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["assessment"])))
    text = str(artifacts[0].data)
    assert "Database: OFFLINE\nRedis: OFFLINE\nApplication: not configured\n" in text
    assert f"dr full-recovery --system {system}" in text
