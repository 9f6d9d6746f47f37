"""Many large manifests: of each is held what was asked for, and no more of them are read than are wanted."""

from __future__ import annotations

import itertools
from datetime import timedelta
from pathlib import Path

import pytest

from dr.catalog import labels
from dr.catalog.labels import Kind, Label
from dr.catalog.manifest import Manifest
from dr.errors import StoreUnavailable
from dr.storage.faults import FaultyStore, Unavailable
from dr.storage.local import LocalStore
from dr.storage.manifests import essentials
from dr.storage.repository import Repository
from tests.unit.catalog.examples import NIGHT
from tests.unit.operations.packed import put_upload
from tests.unit.operations.places import NAME, repository, system

LABELS = [Label(NIGHT - timedelta(days=days), Kind.FILES) for days in range(60)]


class _Elsewhere(LocalStore):
    """A real store that is read as one across a network is, and counts the manifests that were read."""

    reads = 0
    is_local = False  # type: ignore[assignment]

    def read_bytes(self, key: str) -> bytes:
        self.reads += key.endswith(labels.MANIFEST_SUFFIX)
        return super().read_bytes(key)


@pytest.fixture
def elsewhere(tmp_path: Path) -> _Elsewhere:
    """Sixty backups of uploads, one of them with a damaged manifest."""
    mine = system(tmp_path)
    for label in LABELS:
        put_upload(mine, label, range(3))
    repository(mine).store("local").put_bytes(labels.manifest_key(NAME, LABELS[40]), b"garbage")
    return _Elsewhere("local", tmp_path / "local")


def _label(manifest: Manifest) -> Label:
    return manifest.parsed_label


def test_each_is_handed_on_newest_first_and_the_damaged_one_is_named(elsewhere: _Elsewhere) -> None:
    """Several are read at a time, and the order does not tell."""
    unreadable: list[str] = []

    found = list(Repository(NAME, [elsewhere]).each("local", [Kind.FILES], unreadable, _label))

    assert found == [label for label in LABELS if label != LABELS[40]]
    assert [str(LABELS[40]) in text for text in unreadable] == [True]


def test_no_more_are_read_ahead_than_at_a_time(elsewhere: _Elsewhere) -> None:
    """Whoever takes three of sixty has not loaded all sixty."""
    taken = list(itertools.islice(Repository(NAME, [elsewhere]).each("local", [Kind.FILES], [], _label), 3))

    assert taken == LABELS[:3]
    assert elsewhere.reads < 25


def test_what_is_not_kept_is_not_in_the_list(elsewhere: _Elsewhere) -> None:
    """A planner of expiry has all that decides, and no object."""
    whole = Repository(NAME, [elsewhere]).list([Kind.FILES])
    slim = Repository(NAME, [elsewhere]).list([Kind.FILES], keep=essentials)

    assert [item.label for item in slim.backups] == [item.label for item in whole.backups]
    assert [item.proven_level for item in slim.backups] == [item.proven_level for item in whole.backups]
    assert {len(item.manifest.objects) for item in whole.backups} == {4}
    assert {item.manifest.objects for item in slim.backups} == {()}


def test_of_a_store_that_falls_silent_half_way_nothing_is_listed(elsewhere: _Elsewhere) -> None:
    """Half of what it has would look like the whole."""
    failing = FaultyStore(elsewhere)
    failing.arm(Unavailable(1000, keys=labels.manifest_key(NAME, LABELS[30])))

    listing = Repository(NAME, [failing]).list([Kind.FILES])

    assert listing.backups == ()
    assert isinstance(listing.failures["local"], StoreUnavailable)
