"""Mutual exclusion per system and verb (I25), on a directory and on two S3 endpoints.

moto creates exclusively, rclone cannot: the same promises are kept there by claiming and waiting.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dr.errors import LeaseHeld, StoreDenied, StoreError, StoreUnavailable
from dr.storage.faults import Denied, FaultyStore, Unavailable
from dr.storage.lease import CLAIM_AND_WAIT, EXCLUSIVE, Holder, Lease, acquire
from dr.storage.lease_claims import RESOLUTION
from dr.storage.local import LocalStore
from dr.storage.protocol import ConditionalWritesMissing, Store
from tests.contracts.children import PREFIX, child, said, tell
from tests.contracts.conftest import Subject

pytestmark = pytest.mark.incident("I25")

TTL = timedelta(seconds=2)
SETTLE = timedelta(seconds=0.5)


def _acquire(store: Store, run: str = "one", ttl: timedelta = timedelta(seconds=120)) -> Lease:
    return acquire(store, PREFIX, Holder.here(run, "backup"), ttl=ttl, settle=SETTLE)


def _leases(store: Store) -> list[str]:
    return [entry.key for entry in store.list(PREFIX) if entry.key.endswith(".json")]


def test_a_second_run_is_refused_and_told_who_is_at_work(place: Subject) -> None:
    """The refusal names run, host and process, and says until when; after the release the next run gets in."""
    with _acquire(place.store) as lease:
        assert lease.method == (EXCLUSIVE if place.exclusive else CLAIM_AND_WAIT)
        with pytest.raises(LeaseHeld) as refusal:
            _acquire(place.again(), "two")
        lease.renew()
        lease.check()  # being asked for has done it no harm

    text = str(refusal.value)
    assert "backup run one" in text
    assert f"(host {lease.holder.host}, process {lease.holder.pid})" in text
    assert re.search(r"expires \d\d:\d\d:\d\d", text)
    with _acquire(place.again(), "two") as second:
        second.check()
    assert len(_leases(place.store)) == 1


def test_a_released_lease_is_not_ours_any_more(place: Subject) -> None:
    """Work that goes on after the release is stopped by the next check."""
    lease = _acquire(place.store)
    lease.release()

    with pytest.raises(StoreError, match="released"):
        lease.check()


def test_verbs_and_systems_do_not_exclude_one_another(place: Subject) -> None:
    """A lease is for one verb of one system."""
    with (
        _acquire(place.store),
        acquire(place.store, "coreflow360/leases/expire/", Holder.here("two", "expire"), settle=SETTLE),
        acquire(place.store, "other/leases/backup/", Holder.here("three", "backup"), settle=SETTLE),
    ):
        pass


@pytest.mark.slow
def test_a_killed_holder_keeps_the_lease_for_its_ttl_and_no_longer(place: Subject) -> None:
    """After kill -9 on another host the lease is refused while the holder could be alive, and free one ttl later."""
    with child(place.settings, "lease", "killed", "2", "another boot") as process:
        assert said(process) == "ready"
        tell(process)
        assert said(process) == "won"
        process.kill()
        process.wait()
    killed = time.monotonic()

    with pytest.raises(LeaseHeld, match="backup run killed"):
        _acquire(place.store, "next", TTL)
    with _acquire_when_free(place.store, time.monotonic() + 12) as lease:
        assert time.monotonic() - killed > 1
        lease.check()


def _acquire_when_free(store: Store, deadline: float) -> Lease:
    while time.monotonic() < deadline:
        with contextlib.suppress(LeaseHeld):
            return _acquire(store, "next", TTL)
        time.sleep(0.25)
    pytest.fail("the lease of a killed holder was never free")


@pytest.mark.slow
def test_of_two_racing_processes_exactly_one_gets_the_lease(place: Subject) -> None:
    """Two hosts whose timers fire at the same second do not both back up; twice, since the first time is special."""
    for _ in range(2):
        with (
            child(place.settings, "lease", "one", "60") as one,
            child(place.settings, "lease", "two", "60") as two,
        ):
            assert (said(one), said(two)) == ("ready", "ready")
            tell(one)
            tell(two)
            answers = [said(one), said(two)]
            winner = one if answers[0] == "won" else two
            tell(winner)
            winner.wait(20)
        assert sorted(answers) == ["refused", "won"]


@pytest.mark.slow
def test_a_lease_is_renewed_while_its_holder_works(place: Subject) -> None:
    """A holder that works for longer than its ttl is not taken for dead."""
    with _acquire(place.store, ttl=TTL) as lease:
        end = time.monotonic() + TTL.total_seconds() + RESOLUTION.total_seconds() + 0.5
        while time.monotonic() < end:
            lease.check()
            time.sleep(0.5)
        with pytest.raises(LeaseHeld):
            _acquire(place.again(), "two")


def test_a_holder_whose_store_is_gone_notices_within_the_ttl(tmp_path: Path) -> None:
    """A lease that cannot be renewed is given up before another may take it, and the error says what went wrong."""
    store = FaultyStore(LocalStore("local", tmp_path))
    with _acquire(store, ttl=timedelta(seconds=1)) as lease:
        store.arm(Unavailable(times=1000))
        lease.check()
        time.sleep(1.1)
        with pytest.raises(StoreError, match="could not be renewed") as loss:
            lease.check()
    assert "does not answer" in loss.value.detail


def test_a_short_outage_does_not_lose_the_lease(tmp_path: Path) -> None:
    """A failed renewal is tried again before the time is up."""
    store = FaultyStore(LocalStore("local", tmp_path))
    with _acquire(store, ttl=TTL) as lease:
        store.arm(Unavailable(times=1))
        time.sleep(TTL.total_seconds() + 0.5)
        lease.check()


def test_a_holder_that_was_suspended_notices_that_another_has_taken_over(place: Subject) -> None:
    """A holder that wakes up too late finds the later generation, and leaves it alone."""
    slow = _acquire(place.store, "slow")
    token = _leases(place.store)[0].removeprefix(PREFIX)
    later = f"{PREFIX}00000002{token[8:]}"
    taken = place.store.read_bytes(f"{PREFIX}{token}").replace(b'"slow"', b'"quick"')
    place.store.put_bytes(later, taken)

    slow.renew()
    with pytest.raises(LeaseHeld, match="taken it over"):
        slow.check()
    slow.release()
    assert place.store.read_bytes(later) == taken


def test_a_sleeper_that_creates_an_old_generation_withdraws(tmp_path: Path) -> None:
    """A host that dozed off between looking and creating does not take the lease beside a later holder."""
    store = _Dozing(LocalStore("local", tmp_path))
    later: list[Lease] = []

    def meanwhile() -> None:
        _acquire(store.inner, "two").release()
        later.append(_acquire(store.inner, "three"))

    _acquire(store).release()
    store.before_claim = meanwhile
    with pytest.raises(LeaseHeld, match="backup run three"):
        _acquire(store, "sleeper")
    with later[0] as lease:
        lease.renew()
        lease.check()


def test_a_sleeper_withdraws_even_when_the_later_holder_has_ended(tmp_path: Path) -> None:
    """Its number is passed: it would be taken for overtaken at its first renewal."""
    store = _Dozing(LocalStore("local", tmp_path))

    def meanwhile() -> None:
        for run in ("two", "three"):
            _acquire(store.inner, run).release()

    _acquire(store).release()
    store.before_claim = meanwhile
    with pytest.raises(LeaseHeld):
        _acquire(store, "sleeper")
    with _acquire(store, "four") as lease:
        lease.check()


def test_a_sleeper_does_not_overwrite_who_has_taken_the_same_number(tmp_path: Path) -> None:
    """Two that look at once and create one after the other: the second is told who was first."""
    store = _Dozing(LocalStore("local", tmp_path))
    first: list[Lease] = []

    store.before_claim = lambda: first.append(_acquire(store.inner, "first"))
    with pytest.raises(LeaseHeld, match="backup run first"):
        _acquire(store, "second")
    with first[0] as lease:
        lease.renew()
        lease.check()


def test_who_is_slow_to_claim_withdraws_where_nothing_is_exclusive(tmp_path: Path) -> None:
    """The others have not waited for such a claim: it is taken back, and is worth trying again."""
    store = _WithoutConditions(LocalStore("local", tmp_path))
    store.before_claim = lambda: time.sleep(SETTLE.total_seconds() + 0.1)

    with pytest.raises(StoreUnavailable, match="too slow to agree"):
        _acquire(store, "slow")
    with _acquire(store, "next") as lease:
        assert lease.method == CLAIM_AND_WAIT
        lease.check()


def test_claims_made_at_once_are_settled_alike_by_both(tmp_path: Path) -> None:
    """Both looked before either had claimed: the lower claim has it, whoever was first, and the other withdraws."""
    store = _WithoutConditions(LocalStore("local", tmp_path))
    other = _WithoutConditions(store.inner)
    looked = threading.Barrier(2)
    store.before_claim = other.before_claim = looked.wait
    with ThreadPoolExecutor(2) as pool:
        results = [pool.submit(_acquire, each, each_name) for each, each_name in ((store, "one"), (other, "two"))]
    refused = [result for result in results if result.exception()]
    (granted,) = [result.result() for result in results if not result.exception()]
    assert isinstance(refused[0].exception(), LeaseHeld)
    with granted as lease:
        lease.renew()
        lease.check()


def test_a_holder_that_renews_at_the_last_moment_is_not_robbed(tmp_path: Path) -> None:
    """Judged dead, but renewed before the taker looked again: the taker withdraws, and the two never both go on."""
    local = LocalStore("local", tmp_path)
    store = _Dozing(local)
    holder = _acquire(local, "holder")
    _age(local, timedelta(seconds=200))

    store.before_claim = holder.renew
    with pytest.raises(LeaseHeld, match="backup run holder"):
        _acquire(store, "taker")
    holder.check()
    holder.renew()
    with pytest.raises(LeaseHeld):
        holder.check()  # the rare price of safety: both have withdrawn


@pytest.mark.parametrize("skew", [timedelta(hours=-2), timedelta(hours=2)])
def test_a_host_with_a_wrong_clock_neither_robs_nor_is_robbed(place: Subject, skew: timedelta) -> None:
    """Expiry is judged by the store's clock: what a host believes the time to be decides nothing."""

    def wrong() -> datetime:
        return datetime.now(UTC) + skew

    holder = Holder.here("skewed", "backup")
    with acquire(place.store, PREFIX, holder, now=wrong, settle=SETTLE), pytest.raises(LeaseHeld):
        _acquire(place.again(), "right")
    with _acquire(place.store, "right"), pytest.raises(LeaseHeld):
        acquire(place.again(), PREFIX, holder, now=wrong, settle=SETTLE)


def test_the_newest_generation_is_never_deleted(place: Subject) -> None:
    """Numbers go on after a release, and old ones are tidied away by the next holder."""
    for expected in (1, 2, 3):
        with _acquire(place.store):
            (held,) = _leases(place.store)
        (released,) = _leases(place.store)
        assert held == released
        assert held.startswith(f"{PREFIX}{expected:08d}")


def test_a_lease_that_cannot_be_read_blocks_and_says_what_to_do(place: Subject) -> None:
    """A damaged record is not taken for a free lease."""
    place.store.put_bytes(f"{PREFIX}00000001.json", b"{")

    with pytest.raises(StoreError, match="cannot be read") as refusal:
        _acquire(place.store)
    assert "delete that object" in refusal.value.hint


def test_a_lease_needs_a_sensible_ttl(tmp_path: Path) -> None:
    """Too short to renew, longer than anybody would wait, or over before the others have been waited for."""
    store = LocalStore("local", tmp_path)
    for ttl in (timedelta(0), timedelta(days=2), SETTLE * 1.5):
        with pytest.raises(ValueError, match="lease"):
            _acquire(store, ttl=ttl)


def test_a_release_that_fails_is_kept_and_does_not_fail_the_work(tmp_path: Path) -> None:
    """The lease then expires by itself; the work that is done is done."""
    store = FaultyStore(LocalStore("local", tmp_path))
    with _acquire(store) as lease:
        store.arm(Denied())

    assert isinstance(lease.release_error, StoreDenied)


class _Dozing(FaultyStore):
    """A real store whose host falls asleep just before it writes a claim."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.before_claim: Callable[[], object] = lambda: None

    def create(self, key: str, data: bytes) -> bool:
        self._doze()
        return super().create(key, data)

    def put_bytes(self, key: str, data: bytes) -> None:
        if key.endswith(".json"):
            self._doze()
        super().put_bytes(key, data)

    def _doze(self) -> None:
        doze, self.before_claim = self.before_claim, lambda: None
        doze()


class _WithoutConditions(_Dozing):
    """A real store that cannot create exclusively."""

    def create(self, key: str, data: bytes) -> bool:
        raise ConditionalWritesMissing(f"store {self.name} has no conditional writes")


def _age(store: LocalStore, by: timedelta) -> None:
    """Make every lease object look as old as if its holder had not renewed for so long."""
    for entry in store.list(PREFIX):
        stamp = (entry.modified - by).timestamp()
        with contextlib.suppress(FileNotFoundError):
            os.utime(store.path(entry.key), (stamp, stamp))
