"""Packs of uploads in a store over HTTP: what it will not delete is told, and few manifests are read."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dr.catalog.labels import Kind, Label
from dr.configuration.model import System
from dr.operations.component.expire_packs import plan_pack_expiry, remove_packs
from dr.operations.draft import Draft
from dr.operations.find_backup import find_backup
from dr.operations.publish import publish
from tests.endpoints.fixtures import lying_endpoint
from tests.endpoints.lying import LyingEndpoint
from tests.unit.catalog.examples import proof
from tests.unit.operations.packed import pack_key, put_packs, put_upload, refers_to
from tests.unit.operations.places import put_backup, repository, system

__all__ = ["lying_endpoint"]

NOW = datetime.now(UTC).replace(microsecond=0)
LATER = NOW + timedelta(days=2)
BOTH = ("local", "cloud")


def of(kind: Kind, days: float) -> Label:
    """The label of a backup made so many days ago."""
    return Label(NOW - timedelta(days=days), kind)


@pytest.fixture
def mine(tmp_path: Path, lying_endpoint: LyingEndpoint) -> System:
    """A local store and one elsewhere."""
    here = system(tmp_path)
    return dataclasses.replace(here, stores=(*here.stores, lying_endpoint.settings()))


def packs_in(mine: System, store: str) -> set[str]:
    """The packs that a store lists."""
    return {item.key for item in repository(mine).store(store).list("coreflow360/files-packs/")}


@pytest.mark.incident("I11")
@pytest.mark.incident("I35")
def test_a_pack_that_its_store_keeps_is_retained_and_the_others_go(mine: System, lying_endpoint: LyingEndpoint) -> None:
    """A lock is no error: of each store is told what is gone, what it kept and why."""
    put_packs(mine, range(6))
    put_upload(mine, of(Kind.FILES, 1), (0, 1))
    lying_endpoint.lies.locked = pack_key(3)

    plan = plan_pack_expiry(mine, LATER, stores=BOTH)
    here, there = remove_packs(mine, plan)

    assert [set(item.going) for item in plan] == [{pack_key(number) for number in range(2, 6)}] * 2
    assert set(there.going) == {pack_key(number) for number in (2, 4, 5)}
    assert there.retained == (pack_key(3),)
    assert (there.staying, there.stored_bytes) == (3, plan[1].stored_bytes * 3 // 4)
    assert "the store keeps 1" in there.reason
    assert "AccessDenied" in there.reason
    assert (set(here.going), here.retained, here.staying) == (set(plan[0].going), (), 2)
    assert packs_in(mine, "cloud") == {pack_key(number) for number in (0, 1, 3)}
    assert packs_in(mine, "local") == {pack_key(number) for number in (0, 1)}
    assert lying_endpoint.count("DELETE") == 4


def test_a_store_in_which_we_may_not_delete_keeps_all_and_says_so(mine: System, lying_endpoint: LyingEndpoint) -> None:
    """The guide's own advice for a backup's credentials: nothing is called removed that is still there."""
    put_packs(mine, range(3))
    put_upload(mine, of(Kind.FILES, 1), (0,))
    lying_endpoint.lies.locked = "files-packs"

    here, there = remove_packs(mine, plan_pack_expiry(mine, LATER, stores=("cloud", "local")))[::-1]

    assert (there.going, there.stored_bytes, there.staying) == ((), 0, 3)
    assert len(there.retained) == 2
    assert len(here.going) == 2


def test_what_a_new_backup_refers_to_since_the_plan_is_told_as_staying(mine: System) -> None:
    """Between plan and removal a backup was published."""
    put_packs(mine, range(3))
    put_upload(mine, of(Kind.FILES, 1), (0,))
    plan = plan_pack_expiry(mine, LATER, stores=BOTH)
    put_upload(mine, of(Kind.FILES, 0), (0, 1))

    done = remove_packs(mine, plan)

    assert [item.going for item in done] == [(pack_key(2),)] * 2
    assert all("1 are needed since" in item.reason and item.staying == 2 for item in done)


def manifests_read(lying_endpoint: LyingEndpoint) -> int:
    """How many were fetched until now."""
    return lying_endpoint.count("GET", path=".manifest.json")


def test_publishing_reads_seven_manifests_however_many_backups_there_are(
    mine: System, lying_endpoint: LyingEndpoint
) -> None:
    """As many sizes are compared: of years of backups no more are read, and each from one store."""
    mine = dataclasses.replace(mine, stores=mine.stores[::-1])
    for days in range(1, 30):
        put_backup(mine, of(Kind.CONFIG, days))
    draft = Draft(refers_to(of(Kind.CONFIG, 0), (), *BOTH), (), ())

    published = publish(mine, draft, [proof(name) for name in BOTH])

    assert manifests_read(lying_endpoint) == 7
    assert published.stores == BOTH
    publish(dataclasses.replace(mine, stores=mine.stores[::-1]), draft, [proof(name) for name in BOTH])
    assert manifests_read(lying_endpoint) == 7


def test_the_latest_is_found_by_reading_back_to_the_first_that_is_proven(
    mine: System, lying_endpoint: LyingEndpoint
) -> None:
    """Of thirty backups two are read: the newest is not proven."""
    mine = dataclasses.replace(mine, stores=mine.stores[1:])
    for days in range(2, 30):
        put_upload(mine, of(Kind.FILES, days), (0, 1))
    put_backup(mine, of(Kind.FILES, 1), proven=())

    found = find_backup(mine, "latest", Kind.FILES)

    assert found.manifest.label == str(of(Kind.FILES, 2))
    assert any(str(of(Kind.FILES, 1)) in note for note in found.notes)
    assert manifests_read(lying_endpoint) == 2
