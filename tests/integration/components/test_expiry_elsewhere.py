"""Expiry in a store that is not on this machine: by the long periods, and whatever that store refuses stays (I35)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dr.catalog.labels import Kind, Label
from dr.catalog.manifest import ComponentContents, Item
from dr.configuration.model import StoreSettings, System
from dr.operations.expire import apply_expiry, carry_out, plan_component_expiry, plan_local_expiry
from dr.policy.retention import Action
from dr.policy.retention_periods import APPLICATION_LOGS, AUDIT_LOGS
from tests.endpoints.lying import LyingEndpoint
from tests.endpoints.serving import Endpoint
from tests.unit.operations.places import dump, put_backup, repository, system

NOW = datetime(2024, 3, 1, 2, 10, tzinfo=UTC)


def of(kind: Kind, days: float) -> Label:
    """The label of a backup made so many days ago."""
    return Label(NOW - timedelta(days=days), kind)


@pytest.fixture
def lying() -> Iterator[LyingEndpoint]:
    """An endpoint that refuses what the test tells it to."""
    with LyingEndpoint() as endpoint:
        yield endpoint


def with_cloud(path: Path, cloud: StoreSettings) -> System:
    """A local store and one elsewhere."""
    mine = system(path)
    return dataclasses.replace(mine, stores=(*mine.stores, cloud))


def held(mine: System, store: str) -> set[str]:
    """What one store lists."""
    return {str(item.label) for item in repository(mine).list().backups if store in item.stores}


def test_components_stay_longer_elsewhere_and_the_database_for_ever(tmp_path: Path, moto_endpoint: Endpoint) -> None:
    """Seven days here and ninety there of Redis; no run of either kind removes a dump there."""
    mine = with_cloud(tmp_path, moto_endpoint.settings(moto_endpoint.new_bucket()))
    for days in (0, 30, 100):
        put_backup(mine, of(Kind.REDIS, days))
        put_backup(mine, dump(NOW - timedelta(days=days)))

    removed = apply_expiry(mine, plan_component_expiry(mine, NOW, kinds=(Kind.REDIS,)))
    removed += apply_expiry(mine, plan_local_expiry(mine, NOW, retention_days=None, run_succeeded=True))

    assert set(removed) == {
        f"local:{of(Kind.REDIS, 30)}",
        f"local:{of(Kind.REDIS, 100)}",
        f"cloud:{of(Kind.REDIS, 100)}",
        f"local:{of(Kind.DUMP, 30)}",
        f"local:{of(Kind.DUMP, 100)}",
    }
    assert held(mine, "cloud") == {str(of(Kind.DUMP, days)) for days in (0, 30, 100)} | {
        str(of(Kind.REDIS, days)) for days in (0, 30)
    }


def test_a_day_of_logs_that_never_arrived_elsewhere_is_not_let_go_here(tmp_path: Path, moto_endpoint: Endpoint) -> None:
    """And it may go when another backup has brought the same file there."""
    mine = with_cloud(tmp_path, moto_endpoint.settings(moto_endpoint.new_bucket()))

    def put(days: float, key: str, keep_as: str, *stores: str) -> Label:
        day = (NOW - timedelta(days=days + 1)).date()
        contents = ComponentContents(NOW, (Item(str(day), 1, 10, "d", key),))
        label = of(Kind.LOGS, days)
        put_backup(mine, label, *stores, component=contents, retention_class=keep_as)
        return label

    put(0, "tonight", APPLICATION_LOGS)
    put(0.1, "tonight", AUDIT_LOGS)
    arrived = put(40, "both", APPLICATION_LOGS)
    put(41, "only here", APPLICATION_LOGS, "local")
    again = put(42, "again", APPLICATION_LOGS, "local")
    put_backup(
        mine,
        of(Kind.LOGS, 39),
        "cloud",
        component=ComponentContents(NOW, (Item(str((NOW - timedelta(days=43)).date()), 1, 10, "d", "again"),)),
        retention_class=APPLICATION_LOGS,
    )
    put(4000, "audit", AUDIT_LOGS, "local")

    removed = apply_expiry(mine, plan_component_expiry(mine, NOW, kinds=(Kind.LOGS,)))

    assert set(removed) == {f"local:{arrived}", f"local:{again}"}


@pytest.mark.incident("I35")
def test_what_a_store_refuses_to_delete_is_retained_and_asked_for_once(tmp_path: Path, lying: LyingEndpoint) -> None:
    """A locked object is no error: its backup stays whole and listed, the others go, and the run says so."""
    mine = with_cloud(tmp_path, lying.settings())
    for days in (0, 100, 120, 140):
        put_backup(mine, of(Kind.REDIS, days))
    locked = str(of(Kind.REDIS, 120))
    lying.lies.locked = locked

    plan = plan_component_expiry(mine, NOW, kinds=(Kind.REDIS,))
    here, there = carry_out(mine, plan)

    actions = {str(item.copy.label): item.action for item in there.decisions}
    assert actions[locked] is Action.RETAINED
    assert "the store keeps it" in next(item.reason for item in there.decisions if str(item.copy.label) == locked)
    assert held(mine, "cloud") == {str(of(Kind.REDIS, 0)), locked}
    assert {item.action for item in here.decisions} == {Action.KEEP, Action.EXPIRE}
    whole = 2  # manifest and content
    assert lying.count("DELETE") == 2 * whole + 1


def test_a_store_that_does_not_answer_is_left_as_it_is_and_named(tmp_path: Path, lying: LyingEndpoint) -> None:
    """What lies here expires all the same."""
    mine = with_cloud(tmp_path, lying.settings())
    for days in (0, 100):
        put_backup(mine, of(Kind.REDIS, days))
    lying.lies.always = (403, "AccessDenied")

    here, there = carry_out(mine, plan_component_expiry(mine, NOW, kinds=(Kind.REDIS,)))

    lying.lies.always = None
    assert there.decisions == ()
    assert "does not tell what it has" in there.note
    assert held(mine, "cloud") == {str(of(Kind.REDIS, days)) for days in (0, 100)}
    assert held(mine, "local") == {str(of(Kind.REDIS, 0))}
    assert not here.note
