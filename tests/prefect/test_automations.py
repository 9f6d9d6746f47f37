"""Prefect's automations are made once, changed in place, kept as people left them, and removed with the system."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient

from deployments.applying import apply_deployment, ensure_pool
from deployments.automations import Awaited, apply_automations, remove_orphans
from deployments.registry import deployments_of
from deployments.rows import DeployedRow
from dr.configuration.model import EncryptionSettings, NotificationSettings, PostgresSettings, System
from dr.secret import Secret

ADDRESS = f"https://hooks.example.org/{secrets.token_hex(8)}"
AWAITED = (Awaited("monitoring", timedelta(minutes=30)),)


@pytest.fixture
def system(client: SyncPrefectClient, tmp_path: Path) -> System:
    """A system with a webhook, whose monitoring is registered."""
    name = f"shop-{secrets.token_hex(4)}"
    ensure_pool(client)
    (monitoring,) = (item for item in deployments_of(name) if item.flow_name == "monitoring")
    apply_deployment(client, monitoring)
    return System(
        name=name,
        postgres=PostgresSettings(Secret("postgresql:///shop")),
        stores=(),
        encryption=EncryptionSettings(passphrase=Secret("a passphrase of the test")),
        notifications=NotificationSettings(webhook=Secret(ADDRESS)),
        state_directory=tmp_path,
    )


def done(rows: tuple[DeployedRow, ...]) -> list[str]:
    """What became of each."""
    return sorted(str(row.done) for row in rows)


def test_registering_twice_changes_nothing_and_another_limit_changes_that_one(
    client: SyncPrefectClient, system: System
) -> None:
    """The same automation is kept, with whatever Prefect has counted for it."""
    first = apply_automations(client, system, AWAITED)
    before = {item.name: item.id for item in client.read_automations()}
    again = apply_automations(client, system, AWAITED)
    other = apply_automations(client, system, (Awaited("monitoring", timedelta(hours=1)),))

    assert done(first) == ["created"] * 3
    assert done(again) == ["unchanged"] * 3
    assert done(other) == ["unchanged"] * 2 + ["updated"]
    assert {item.name: item.id for item in client.read_automations()} == before


def test_one_that_people_switched_off_stays_off_and_is_reported(client: SyncPrefectClient, system: System) -> None:
    """Also through a change."""
    apply_automations(client, system, AWAITED)
    (wanted,) = client.read_automations_by_name(f"coreflow360-dr {system.name}: no good monitoring")
    client.pause_automation(wanted.id)

    rows = apply_automations(client, system, AWAITED)
    apply_automations(client, system, (Awaited("monitoring", timedelta(hours=1)),))

    assert done(rows) == ["unchanged"] * 2 + ["warning"]
    (now,) = client.read_automations_by_name(wanted.name)
    assert not now.enabled


def test_they_go_with_the_webhook_and_with_the_system_and_no_others_do(
    client: SyncPrefectClient, system: System
) -> None:
    """What tells of a system that is gone would tell for ever."""
    apply_automations(client, system, AWAITED)
    deaf = replace(system, notifications=NotificationSettings())
    without = apply_automations(client, deaf, AWAITED)
    apply_automations(client, system, AWAITED)
    untouched = [row for row in remove_orphans(client) if system.name in row.name]
    client.delete_deployment(client.read_deployment_by_name(f"monitoring/{system.name}").id)

    gone = [row for row in remove_orphans(client) if system.name in row.name]

    assert done(without) == done(tuple(gone)) == ["removed"] * 3
    assert untouched == []


def test_the_webhooks_address_is_a_secret_there_as_well(client: SyncPrefectClient, system: System) -> None:
    """In no automation, and hidden in its Block."""
    apply_automations(client, system, AWAITED)

    shown = str([item.model_dump(mode="json") for item in client.read_automations()])
    block = client.read_block_document_by_name(f"coreflow360-dr-{system.name}", "webhook", include_secrets=False)
    assert ADDRESS not in shown
    assert ADDRESS not in str(block.data)
