"""One temporary Prefect server for the whole session, with nothing of this machine's own Prefect in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import prefect.settings as settings
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.testing.utilities import prefect_test_harness


@pytest.fixture(scope="session", autouse=True)
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Server, database and storage of its own; the heartbeat's second per flow is left out."""
    home: Path = tmp_path_factory.mktemp("prefect-home")
    own = {
        settings.PREFECT_HOME: home,
        settings.PREFECT_LOCAL_STORAGE_PATH: home / "storage",
        settings.PREFECT_SERVER_ANALYTICS_ENABLED: False,
        settings.PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
    }
    with settings.temporary_settings(own), prefect_test_harness(server_startup_timeout=300):
        yield


@pytest.fixture
def client() -> Iterator[SyncPrefectClient]:
    """Prefect's API."""
    with get_client(sync_client=True) as open_client:
        yield open_client


@pytest.fixture(autouse=True)
def own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No dr.toml of somebody else's is found, and retries follow each other at once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DR_RETRY_BASE_SECONDS", "0.01")
    return tmp_path
