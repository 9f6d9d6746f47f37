"""One lease per store of a repository (I25): all that answer, or none beside another run."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest

from dr.configuration.model import StoreSettings
from dr.errors import LeaseHeld, StoreDenied, StoreError, StoreUnavailable
from dr.storage.faults import Denied, FaultyStore, Unavailable
from dr.storage.lease import Holder, acquire, hold_all
from dr.storage.local import LocalStore
from dr.storage.opening import open_store
from dr.storage.protocol import Store
from tests.contracts.children import PREFIX

pytestmark = pytest.mark.incident("I25")

SETTLE = timedelta(seconds=0.5)


@pytest.fixture
def moto_stores(moto_endpoint) -> tuple[Store, Store]:
    """Two buckets."""

    def store(name: str) -> Store:
        settings: StoreSettings = moto_endpoint.settings(moto_endpoint.new_bucket(), name=name)
        return open_store(settings)

    return store("first"), store("second")


def test_all_stores_are_held_or_none(tmp_path: Path, moto_stores: tuple[Store, Store]) -> None:
    """When another run holds one store's lease, the others are let go again."""
    local, (first, second) = LocalStore("local", tmp_path), moto_stores
    holder = Holder.here("all", "backup")
    with hold_all([local, first, second], PREFIX, holder) as held:
        held.check()
        assert set(held.leases) == {"local", "first", "second"}
        assert held.failures == {}

    with (
        acquire(second, PREFIX, Holder.here("other", "backup")),
        pytest.raises(LeaseHeld, match="backup run other"),
        hold_all([local, first, second], PREFIX, holder),
    ):
        pytest.fail("held beside another run")
    with hold_all([local, first, second], PREFIX, holder):
        pass


def test_a_store_that_does_not_answer_is_reported_and_does_not_stop_the_others(tmp_path: Path) -> None:
    """Copies to the stores that do answer go on; the failure is in what is returned."""
    good, bad = LocalStore("good", tmp_path / "good"), FaultyStore(LocalStore("bad", tmp_path / "bad"))
    bad.arm(Unavailable(times=1000))

    with hold_all([bad, good], PREFIX, Holder.here("run", "backup")) as held:
        held.check()
        assert set(held.leases) == {"good"}
        assert isinstance(held.failures["bad"], StoreUnavailable)


def test_when_no_store_grants_a_lease_the_first_error_is_raised(tmp_path: Path) -> None:
    """Nothing is done without any lease."""
    stores = [FaultyStore(LocalStore(name, tmp_path / name)) for name in ("b", "a")]
    stores[1].arm(Denied())
    stores[0].arm(Unavailable(times=1000))

    with pytest.raises(StoreDenied), hold_all(stores, PREFIX, Holder.here("run", "backup")):
        pytest.fail("held nothing")


def test_losing_one_of_two_stores_is_a_failure_and_losing_both_an_end(tmp_path: Path) -> None:
    """A store that goes away meanwhile does not stop the copies to the other; when all are lost the run must end."""
    stores = [FaultyStore(LocalStore(name, tmp_path / name)) for name in ("a", "b")]
    with hold_all(stores, PREFIX, Holder.here("run", "backup"), ttl=timedelta(seconds=1), settle=SETTLE) as held:
        stores[0].arm(Unavailable(times=1000))
        time.sleep(1.2)
        held.check()
        assert set(held.failures) == {"a"}
        stores[1].arm(Unavailable(times=1000))
        time.sleep(1.2)
        with pytest.raises(StoreError, match="could not be renewed"):
            held.check()
    assert all(lease.release_error is None for lease in held.leases.values())  # nothing of ours to release any more
