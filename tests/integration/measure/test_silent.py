"""A store that does not answer: what was wrong with it is not over, and of the other one everything is known."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dr.catalog.labels import restore_notes_key
from dr.configuration.model import System
from dr.operations.alert.watch import Watched, watch
from dr.operations.measure.gather import measure
from dr.operations.measure.lasting import LASTS, Lasting
from dr.operations.repositories import open_repository
from dr.policy.metric import Unmeasured
from tests.integration.measure.conftest import BEGUN
from tests.integration.measure.test_kept import back_up
from tests.quick_key import quick_encryption

NOW = BEGUN + timedelta(hours=3)
DAMAGED = "shop/corruption-detected/other"


@contextmanager
def away(path: Path) -> Iterator[None]:
    """Not there, as a disk that is not mounted."""
    aside = path.rename(path.with_name(f"{path.name}-away"))
    try:
        yield
    finally:
        aside.rename(path)


@pytest.fixture
def damaged(system: System) -> System:
    """A dump that is good in one store and was found damaged in the other."""
    system = replace(system, encryption=quick_encryption())
    back_up(system, BEGUN + timedelta(hours=1), "local")
    back_up(system, BEGUN + timedelta(hours=2), "other", good=False)
    for store in open_repository(system).stores.values():
        store.put_bytes(restore_notes_key(system.name), b"as the first backup leaves them: the store is in use")
    open_repository(system)
    return system


def opened(watched: Watched) -> set[str]:
    """What people were told of and is not over."""
    return {item.alert.key for item in watched.told.book.open}


def of(system: System, number: int) -> Path:
    """Where a store is."""
    path = system.stores[number].path
    assert path is not None
    return path


@pytest.mark.incident("I2")
def test_what_was_wrong_in_a_store_that_falls_silent_is_not_over(damaged: System) -> None:
    """Nor does it lack what nobody can see that it lacks; when it is there again it is seen as it is."""
    first = watch(damaged, measure(damaged, NOW), NOW)
    with away(of(damaged, 1)):
        blind = measure(damaged, NOW + timedelta(hours=4))
        silent = watch(damaged, blind, NOW + timedelta(hours=4))
    back = watch(damaged, measure(damaged, NOW + timedelta(hours=5)), NOW + timedelta(hours=5))

    assert DAMAGED in opened(first)
    assert DAMAGED in opened(silent)
    assert DAMAGED in opened(back)
    assert Unmeasured("backup_damaged_copies", "other") in blind.unmeasured
    assert Unmeasured("backup_damaged_copies", "local") not in blind.unmeasured
    assert not [
        item for item in blind.samples if item.name == "backup_store_lacking_seconds" and "other" in item.labels
    ]


@pytest.mark.incident("I2")
def test_that_nothing_can_be_measured_is_told_itself(damaged: System) -> None:
    """After a quarter of an hour, once; what was wrong before stays open, and it is over with the first good round."""
    first = watch(damaged, measure(damaged, NOW), NOW)
    rounds = []
    with away(of(damaged, 0)), away(of(damaged, 1)):
        for minutes in (5, 10, 20, 65):
            at = NOW + timedelta(minutes=minutes)
            rounds.append(opened(watch(damaged, measure(damaged, at), at)))
    well = NOW + timedelta(minutes=70)
    after = opened(watch(damaged, measure(damaged, well), well))

    assert DAMAGED in opened(first)
    assert all(DAMAGED in found for found in rounds)
    assert ["shop/backups-not-measured/backups" in found for found in rounds] == [False, False, True, True]
    assert "shop/not-measured/runs" in rounds[-1]
    assert DAMAGED in after
    assert not {key for key in after if "not-measured" in key}


def test_what_cannot_be_measured_is_served_as_it_was_and_not_for_ever(damaged: System) -> None:
    """Prometheus would tell every alert of it as over at once. What is measured is new, and what is gone is gone."""
    lasting = Lasting(lambda now: measure(damaged, now))

    def seen(at: datetime) -> dict[str, float]:
        found = [item for item in lasting(at) if item.name == "backup_damaged_copies"]
        assert len({(item.name, item.labels) for item in found}) == len(found)
        return {item.labels[1]: item.value for item in found}

    before = seen(NOW)
    with away(of(damaged, 1)):
        held = seen(NOW + LASTS)
        later = seen(NOW + LASTS + timedelta(seconds=1))
    fewer = replace(damaged, stores=damaged.stores[:1])
    only = Lasting(lambda now: measure(damaged if now == NOW else fewer, now))
    only(NOW)

    assert before == held == {"local": 0, "other": 1}
    assert later == {"local": 0}
    assert {item.labels[1] for item in only(NOW + LASTS) if item.name == "backup_damaged_copies"} == {"local"}
