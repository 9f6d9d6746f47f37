"""A repository of thousands of objects: everything is found, in order, however the store pages its listing."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from dr.catalog import labels
from dr.catalog.labels import Kind, Label
from dr.catalog.manifest import Compression, EncryptionRecord, Manifest, ObjectRecord, Role, to_json
from dr.storage.opening import open_store
from dr.storage.protocol import Store
from dr.storage.repository import Repository
from tests.endpoints.serving import Endpoint

SYSTEM = "coreflow360"
BACKUPS = 500
OBJECTS = 5
"""Of each backup, its manifest among them: more objects than two pages hold, and few manifests to read."""
NEWEST = datetime(2024, 6, 30, tzinfo=UTC)


@pytest.fixture
def crowded(moto_endpoint: Endpoint) -> Store:
    """2,500 objects in one prefix on a real endpoint that gives 1,000 a page: five of each of 500 backups."""
    store = open_store(moto_endpoint.settings(moto_endpoint.new_bucket()))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: _put(store, _label(number)), range(BACKUPS)))
    return store


def _label(number: int) -> Label:
    return Label(NEWEST - timedelta(hours=number * 3), Kind.DUMP)


def _put(store: Store, label: Label) -> None:
    key = labels.dump_key(SYSTEM, label)
    record = ObjectRecord(key, Role.DUMP, Compression.GZIP, 1, 1, "0" * 64, 1, "0" * 64)
    manifest = Manifest(
        str(label),
        Kind.DUMP,
        SYSTEM,
        "1",
        180004,
        label.created,
        label.created,
        (record,),
        ("cloud",),
        EncryptionRecord("public-key"),
        "test",
    )
    beside = [f"{labels.object_prefix(SYSTEM, label)}part-{number}.gpg" for number in range(OBJECTS - 2)]
    for name in (key, *beside):
        store.put_bytes(name, b"x")
    store.put_bytes(labels.manifest_key(SYSTEM, label), to_json(manifest))


@pytest.mark.incident("I15")
def test_every_one_of_2500_objects_is_listed_and_can_be_expired(crowded: Store) -> None:
    """Read at once, one after the other, or only by name; what lies behind the first page goes, and nothing else."""
    repository = Repository(SYSTEM, [crowded])
    expected = [_label(number) for number in range(BACKUPS)]

    assert len(list(crowded.list(labels.kind_prefix(SYSTEM, Kind.DUMP)))) == OBJECTS * BACKUPS
    assert [item.label for item in repository.list().backups] == expected
    assert sorted(repository.names().all([Kind.DUMP]), reverse=True) == expected
    newest = repository.newest_first([Kind.DUMP], before=NEWEST)
    assert [item.label for item in itertools.islice(newest, 300)] == expected[:300]

    gone = [_label(number) for number in (0, 1, 250, 498, 499)]
    for label in gone:
        assert repository.delete(label, "cloud") == OBJECTS
    assert set(repository.names().all([Kind.DUMP])) == set(expected) - set(gone)
