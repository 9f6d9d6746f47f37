"""A chain is found link by link, or it is said which link is missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dr.catalog.chains import chain_to, is_incremental
from dr.catalog.labels import Kind, Label, Method
from dr.catalog.manifest import Manifest
from dr.errors import BackupInvalid
from tests.unit.catalog.examples import manifest

BEGIN = datetime(2024, 1, 1, 2, tzinfo=UTC)


def _base(day: int, parent: Manifest | None = None, **other: str) -> Manifest:
    method = Method.INCREMENTAL if parent else Method.FULL
    label = Label(BEGIN + timedelta(days=day), Kind.BASE, method)
    return manifest(label, parent=parent.label if parent else None, **other)


FULL = _base(0)
FIRST = _base(1, FULL)
SECOND = _base(2, FIRST)


def _known(*manifests: Manifest) -> dict[str, Manifest]:
    return {item.label: item for item in manifests}


def test_the_chain_begins_with_the_full_one():
    """In the order in which it is restored; other backups are left out."""
    other = _base(3)

    assert chain_to(SECOND.label, _known(SECOND, other, FULL, FIRST)) == (FULL, FIRST, SECOND)
    assert chain_to(other.label, _known(SECOND, other)) == (other,)
    assert [is_incremental(item) for item in (FULL, FIRST)] == [False, True]


def test_a_missing_link_is_named_with_who_needs_it():
    """The operator is told what is gone, not that something is."""
    with pytest.raises(BackupInvalid, match=f"{FIRST.label} needs {FULL.label}, which is not there"):
        chain_to(SECOND.label, _known(SECOND, FIRST))


def test_links_in_a_circle_or_of_another_cluster_are_refused():
    """A manifest that was edited, or put there from elsewhere."""
    circle = manifest(FIRST.parsed_label, parent=SECOND.label)
    with pytest.raises(BackupInvalid, match="which needs it itself"):
        chain_to(SECOND.label, _known(SECOND, circle))
    foreign = _base(0, system_identifier="8")
    with pytest.raises(BackupInvalid, match="of another cluster"):
        chain_to(FIRST.label, _known(FIRST, foreign))
