"""A system with two stores in directories, and nothing in them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dr.configuration.alerting import AlertingSettings
from dr.configuration.alerting.schedules import SchedulesSettings
from dr.configuration.model import EncryptionSettings, PostgresSettings, StoreSettings, System
from dr.operations.repositories import open_repository
from dr.secret import Secret

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def system(tmp_path: Path) -> System:
    """Two stores, claimed on the first of January; only its daily backup runs by itself."""
    for name in ("local", "other"):
        (tmp_path / name).mkdir()
    never = {item: "never" for item in SchedulesSettings.__slots__ if item not in ("daily_backup", "late_hours")}
    made = System(
        name="shop",
        postgres=PostgresSettings(Secret("postgresql:///shop")),
        stores=tuple(StoreSettings(name, "local", path=tmp_path / name) for name in ("local", "other")),
        encryption=EncryptionSettings(passphrase=Secret("a passphrase of the test")),
        alerting=replace(AlertingSettings(), schedules=SchedulesSettings(**never)),  # type: ignore[arg-type]
        state_directory=tmp_path / "state",
    )
    repository = open_repository(made)
    assert repository.claim("7000000000000000001", BEGUN, repository.stores) == {}
    return made
