"""Backups from the newest back: in order, as few manifests read as are asked for, nothing hidden."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dr.catalog import labels
from dr.catalog.labels import Kind, Label
from dr.configuration.model import System
from dr.errors import StoreError
from dr.storage.local import LocalStore
from dr.storage.repository import Repository
from tests.unit.operations.places import NAME, base, block, dump, put_backup, repository
from tests.unit.operations.places import system as make_system

NOW = datetime.now(UTC).replace(microsecond=0)


def _ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


class _Counting(LocalStore):
    """A real store that counts how often it was read."""

    reads = 0

    def read_bytes(self, key: str) -> bytes:
        self.reads += 1
        return super().read_bytes(key)


@pytest.fixture
def system(tmp_path: Path) -> System:
    """Two stores."""
    return make_system(tmp_path, "local", "cloud")


def _labels(found: Iterator[object]) -> list[str]:
    return [str(item.label) for item in found]  # type: ignore[attr-defined]


def test_backups_come_newest_first_over_years(system: System) -> None:
    """Days, months and years apart, each once, with the stores that have it."""
    ages = [0.1, 3, 20, 40, 70, 200, 400, 1500]
    for age in ages:
        put_backup(system, base(_ago(age)))
    put_backup(system, base(_ago(50)), "cloud")
    put_backup(system, dump(_ago(1)))

    found = list(repository(system).newest_first())

    assert [item.label for item in found] == [base(_ago(age)) for age in sorted([*ages, 50])]
    assert {item.label: item.stores for item in found}[base(_ago(50))] == ("cloud",)
    assert found[0].stores == ("local", "cloud")
    assert dump(_ago(1)) in {item.label for item in repository(system).newest_first(Kind)}


def test_what_is_newer_than_asked_is_left_out(system: System) -> None:
    """A backup of the very moment is not newer."""
    for age in (1, 40, 80, 120):
        put_backup(system, base(_ago(age)))

    assert _labels(repository(system).newest_first(before=_ago(40))) == [str(base(_ago(age))) for age in (40, 80, 120)]
    assert _labels(repository(system).newest_first(before=_ago(41))) == [str(base(_ago(age))) for age in (80, 120)]


def test_only_what_is_asked_for_is_read(tmp_path: Path, system: System) -> None:
    """Of fifty backups the first two are two manifests, and two looks for what was proven of them since."""
    for age in range(50):
        put_backup(system, base(_ago(age)), "local")
    store = _Counting("local", tmp_path / "local")

    taken = list(itertools.islice(Repository(NAME, [store]).newest_first(), 2))

    assert [item.label for item in taken] == [base(_ago(0)), base(_ago(1))]
    assert store.reads == 4


def test_the_last_days_of_a_year_follow_the_first_of_the_next(system: System) -> None:
    """January's previous month is December of the year before."""
    moments = [datetime(2023, 11, 30, tzinfo=UTC), datetime(2023, 12, 31, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)]
    for moment in moments:
        put_backup(system, base(moment))

    found = _labels(repository(system).newest_first(before=datetime(2024, 1, 15, tzinfo=UTC)))

    assert found == [str(base(moment)) for moment in reversed(moments)]


def test_a_label_from_the_future_is_not_lost(system: System) -> None:
    """A clock was wrong by months: the backup comes last instead of not at all."""
    for moment in (_ago(-400), _ago(1), _ago(100)):
        put_backup(system, base(moment))

    assert set(_labels(repository(system).newest_first())) == {str(base(m)) for m in (_ago(-400), _ago(1), _ago(100))}


def test_damage_and_silence_are_named(tmp_path: Path, system: System) -> None:
    """A damaged manifest is passed over where another store has a good one, and told; so is a store that is away."""
    put_backup(system, base(_ago(1)))
    put_backup(system, base(_ago(2)), "local")
    for age in (1, 2):
        repository(system).store("local").put_bytes(labels.manifest_key(NAME, base(_ago(age))), b"garbage")
    unreadable: list[str] = []

    found = list(repository(system).newest_first(unreadable=unreadable))

    assert [(item.label, item.stores) for item in found] == [(base(_ago(1)), ("cloud",))]
    assert len(unreadable) == 2

    (tmp_path / "cloud" / NAME / "base").rename(tmp_path / "away")
    block(tmp_path / "cloud" / NAME / "base")
    unreadable.clear()
    assert list(repository(system).newest_first(unreadable=unreadable)) == []
    assert any(text.startswith("store cloud could not be asked") for text in unreadable)


def test_when_no_store_answers_that_is_an_error(tmp_path: Path, system: System) -> None:
    """An empty list would read as "there are no backups"."""
    for store in ("local", "cloud"):
        block(tmp_path / store / NAME / "base")

    with pytest.raises(StoreError):
        list(repository(system).newest_first())


def test_a_manifest_under_another_backups_name_is_not_believed(system: System) -> None:
    """Copied or renamed by somebody: it would lead to the wrong objects."""
    put_backup(system, base(_ago(1)), "local")
    store = repository(system).store("local")
    wrong = Label(_ago(5), Kind.BASE)
    store.put_bytes(labels.manifest_key(NAME, wrong), store.read_bytes(labels.manifest_key(NAME, base(_ago(1)))))
    unreadable: list[str] = []

    found = _labels(repository(system).newest_first(unreadable=unreadable))

    assert found == [str(base(_ago(1)))]
    assert len(unreadable) == 1
    assert "is the manifest of" in unreadable[0]
    assert len(repository(system).list().unreadable) == 1
