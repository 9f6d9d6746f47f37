"""One store as the shipper sees it: its lease, its share of the index, and a pause after it has failed.

A store is only written to while its ``wal`` lease is ours, so that a store that was away and is back is first asked
whether somebody else has been at work. A store that fails is left alone for a while that grows; the others go on.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta

from dr.catalog import labels
from dr.errors import DrError, IdentityMismatch, LeaseHeld, StoreError, StoreUnavailable
from dr.operations.draft import StoreFailure
from dr.operations.wal.lane_index import LaneIndex
from dr.pipeline.process import is_running
from dr.storage.lease import Holder, Lease, acquire
from dr.storage.lease_claims import survey
from dr.storage.protocol import Store
from dr.storage.repository import Repository

logger = logging.getLogger(__name__)

TTL = timedelta(seconds=30)
SETTLE = timedelta(seconds=5)
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0


class LeftBehind(StoreError):
    """The lease is that of a process of this host that has died; it is free as soon as it expires."""

    retryable = True


class Lane:
    """One store. ``failure`` is why it does not take part at the moment, None when it does."""

    def __init__(self, repository: Repository, store: Store, holder: Holder, identifier: str) -> None:
        self.store = store
        self.failure: DrError | None = None
        self.returned = threading.Event()
        self._repository, self._holder, self._identifier = repository, holder, identifier
        self.index = LaneIndex(repository.system, store, self.check)
        self._lease: Lease | None = None
        self._refusal: DrError | None = None
        self._lock = threading.RLock()
        self._again_at, self._pause = 0.0, _FIRST_PAUSE
        self._travelling = 0
        self._opening: threading.Thread | None = None

    @property
    def name(self) -> str:
        return self.store.name

    @property
    def system(self) -> str:
        return self._repository.system

    def is_ready(self) -> bool:
        """Whether it can be written to now. Asks nothing of the store.

        Raises ``LeaseHeld`` when another run has taken the lease, ``IdentityMismatch`` when it is another cluster's.
        """
        if self._refusal is not None:
            raise self._refusal
        if self._lease is None or self.failure is not None:
            return False
        try:
            self._lease.check()
        except LeaseHeld:
            raise
        except StoreError as error:
            self.fail(error)
            return False
        return True

    def open(self) -> bool:
        """Take the lease, and see whose store it is. False when the store cannot be asked (``failure`` says why).

        Raises ``LeaseHeld`` and ``IdentityMismatch``.
        """
        try:
            self._hold_lease()
            self.identify()
        except (LeaseHeld, IdentityMismatch) as error:
            self._refusal = error
            raise
        except DrError as error:
            self.fail(error)
            return False
        if self.failure is not None:
            logger.warning("store %s takes part again", self.name)
            self.returned.set()
        self.index.forget()
        self.failure = None
        return True

    def open_later(self) -> None:
        """Try to open it in the background when its pause is over, and nothing is on its way to it any more."""
        if self.failure is None and self._lease is not None:
            return
        if self.is_opening or self._travelling or time.monotonic() < self._again_at:
            return
        self._opening = threading.Thread(target=self._open_quietly, name=f"open {self.name}", daemon=True)
        self._opening.start()

    @property
    def is_opening(self) -> bool:
        """Whether the store is being asked at this moment."""
        return self._opening is not None and self._opening.is_alive()

    def _open_quietly(self) -> None:
        with suppress(LeaseHeld, IdentityMismatch):  # is_ready() raises them
            self.open()

    def _hold_lease(self) -> None:
        if self._lease is not None:
            try:
                self._lease.check()
                return
            except LeaseHeld:
                raise
            except StoreError:
                self._lease = None  # it could not be renewed in time: ask for it anew
        prefix = labels.lease_prefix(self.system, "wal")
        try:
            self._lease = acquire(self.store, prefix, self._holder, ttl=TTL, settle=SETTLE)
        except LeaseHeld as error:
            if self._holder_has_died(prefix):
                raise LeftBehind(error.message, error.detail, error.hint) from error
            raise

    def _holder_has_died(self, prefix: str) -> bool:
        holders = [claim.record.holder for claim in survey(self.store, prefix).alive]
        return all(item.host == socket.gethostname() and not is_running(item.pid) for item in holders)

    def depart(self) -> None:
        """Something is on its way to the store: it is not opened anew before that has ended one way or the other.

        A write that was given up and arrives late would otherwise replace what was stored meanwhile.
        """
        with self._lock:
            self._travelling += 1

    def arrive(self) -> None:
        """What departed has ended."""
        with self._lock:
            self._travelling -= 1

    def fail(self, error: DrError) -> None:
        """Leave it alone for a while. The first failure in a row is logged."""
        with self._lock:
            if self.failure is None:
                logger.warning("store %s does not take part: %s", self.name, error.message)
                self._pause = _FIRST_PAUSE
            self.failure = error
            if isinstance(error, LeftBehind):
                self._pause = _FIRST_PAUSE
            self._again_at = time.monotonic() + self._pause
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def check(self) -> None:
        """Raise unless the lease is ours at this moment: before every write to the index."""
        if self._lease is None:
            raise StoreError(f"the WAL lease of store {self.name} is not ours", hint="It is asked for again.")
        self._lease.check()

    def release(self) -> None:
        """Let another run in; a lease that cannot be released expires by itself."""
        with self._lock:
            if self._lease is not None:
                with suppress(StoreError):  # objects without an entry go when their segment is closed
                    self.index.delete_superseded(time.monotonic())
                self._lease.__exit__()
                self._lease = None

    def identify(self) -> None:
        """Raise ``IdentityMismatch`` when the store is another cluster's; a new one is claimed for this one (I19)."""
        failures = self._repository.claim(self._identifier, datetime.now(UTC), [self.name])
        for error in failures.values():
            raise error


def failures(lanes: Sequence[Lane]) -> tuple[StoreFailure, ...]:
    """The stores that do not take part, and why."""
    found = [(lane.name, lane.failure) for lane in lanes]
    return tuple(StoreFailure(name, error.message, error.hint) for name, error in found if error is not None)


@contextmanager
def open_lanes(repository: Repository, holder: Holder, identifier: str) -> Iterator[tuple[Lane, ...]]:
    """All stores, by name, not opened yet; what leases they hold is released at the end."""
    with ExitStack() as stack:
        lanes = tuple(
            Lane(repository, repository.stores[name], holder, identifier) for name in sorted(repository.stores)
        )
        for lane in lanes:
            stack.callback(lane.release)
        yield lanes


def open_all(lanes: Sequence[Lane], patience_seconds: float = 15.0) -> tuple[Lane, ...]:
    """Open all at once; those that take part. Raises ``LeaseHeld`` and ``IdentityMismatch``.

    A store that is slow to answer is opened in the background when ``patience_seconds`` are over.
    """
    for lane in lanes:
        lane.open_later()
    end = time.monotonic() + patience_seconds
    while any(lane.is_opening for lane in lanes) and time.monotonic() < end:
        time.sleep(0.01)
    return tuple([lane for lane in lanes if lane.is_ready()])


def require_any(lanes: Sequence[Lane]) -> None:
    """Open all. Raises unless at least one takes part; a lease left behind by a dead process counts as held."""
    if open_all(lanes):
        return
    error = next((lane.failure for lane in lanes if lane.failure is not None), None)
    if error is None:
        raise StoreUnavailable("no store answers in time", hint="Look at the stores, then try again.")
    if isinstance(error, LeftBehind):
        raise LeaseHeld(error.message, error.detail, error.hint)
    raise error
