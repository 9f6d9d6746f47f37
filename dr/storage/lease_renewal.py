"""A lease in the hands of its holder: renewed by a thread, given up in time, released at the end.

``dr.storage.lease`` explains the scheme.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Self

from dr.errors import LeaseHeld, StoreError, StoreUnavailable
from dr.storage.lease_claims import LeaseRecord, Position, positions, to_json
from dr.storage.protocol import Store

_log = logging.getLogger(__name__)

EXCLUSIVE = "exclusive create"
CLAIM_AND_WAIT = "claim and wait"
_RELEASE_SECONDS = 15.0


def utc_now() -> datetime:
    """This host's time, for what people read in the record."""
    return datetime.now(UTC)


def uptime() -> float:
    """Seconds on a clock that nobody sets, and that runs on while the machine is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Lease:
    """A lease that we hold until ``release`` or the end of the ``with`` block. Made by ``acquire``.

    ``method`` says how it was taken; ``release_error`` why it could not be released and was left to expire.
    """

    def __init__(
        self,
        store: Store,
        prefix: str,
        position: Position,
        record: LeaseRecord,
        taken: float,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.method = CLAIM_AND_WAIT if position.token else EXCLUSIVE
        self.holder = record.holder
        self.store = store
        self.prefix = prefix
        self.release_error: StoreError | None = None
        self._position = position
        self._record = record
        self._confirmed = taken
        self._now = now
        self._lost: LeaseHeld | None = None
        self._trouble: StoreError | None = None
        self._stop = threading.Event()
        self._writing = threading.Lock()
        self._thread = threading.Thread(target=self._keep_renewing, name=f"lease {prefix}", daemon=True)

    @property
    def key(self) -> str:
        return self._position.key(self.prefix)

    def check(self) -> None:
        """Return while the lease is ours. Raises LeaseHeld when another has it, StoreError when it was not renewed.

        Asks nothing of the store: call it before every step that must not run twice.
        """
        if self._lost is not None:
            raise self._lost
        if self._stop.is_set():
            raise StoreError(f"the lease on {self.prefix.rstrip('/')} is released", self.key, "Acquire it again.")
        age = uptime() - self._confirmed
        if age >= self._record.ttl_seconds:
            raise StoreError(
                f"the lease on {self.prefix.rstrip('/')} is lost: it could not be renewed in store {self.store.name}",
                f"last renewed {age:.0f} s ago; {self._trouble or 'this process was stopped for that long'}",
                "What this run has not committed is not listed. See why the store did not answer, and run it again.",
            ) from self._trouble

    def release(self) -> None:
        """Let the next run in at once. Raises StoreError when that fails: the lease then expires by itself."""
        self._stop.set()
        # A renewal that is still travelling would undo the release.
        if not self._writing.acquire(timeout=_RELEASE_SECONDS):
            raise StoreUnavailable(
                f"the lease on {self.prefix.rstrip('/')} could not be released",
                f"a renewal in store {self.store.name} has been under way for more than {_RELEASE_SECONDS:.0f} s",
                f"Nothing need be done: it expires {self._record.ttl_seconds:.0f} s after that renewal.",
            )
        try:
            if self._is_ours():
                self._write(released=True)
                self._confirmed = float("-inf")
        finally:
            self._writing.release()

    def begin_renewing(self) -> Self:
        """Start the thread that renews."""
        self._thread.start()
        return self

    def renew(self) -> None:
        """Rewrite our object, then look whether another has taken over; ``check`` tells. Raises StoreError."""
        with self._writing:
            if self._stop.is_set() or not self._is_ours():
                return
            began = uptime()
            self._write(released=False)
            newer = [
                place for place in positions(self.store, self.prefix) if place.generation > self._position.generation
            ]
            if newer:
                self._lost = LeaseHeld(
                    f"the lease on {self.prefix.rstrip('/')} is lost: another run has taken it over",
                    f"{newer[-1].key(self.prefix)} is in store {self.store.name}; {self.holder} was too slow to renew",
                    "What this run has not committed is not listed. Let the other run end, then run it again.",
                )
                self._write(released=True)  # we have just made an object that its new holder had deleted
                return
            self._confirmed = began
            self._trouble = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            self.release()
        except StoreError as error:
            self.release_error = error
            _log.warning("the lease on %s could not be released and expires by itself: %s", self.prefix, error)

    def _is_ours(self) -> bool:
        return self._lost is None and uptime() - self._confirmed < self._record.ttl_seconds

    def _write(self, *, released: bool) -> None:
        expires = self._now() + timedelta(seconds=self._record.ttl_seconds)
        self.store.put_bytes(self.key, to_json(replace(self._record, expires=expires, released=released)))

    def _keep_renewing(self) -> None:
        pause = self._record.ttl_seconds / 3
        while not self._stop.wait(pause) and self._is_ours():
            try:
                self.renew()
                pause = self._record.ttl_seconds / 3
            except StoreError as error:
                self._trouble = error  # check() tells it when the time is up
                pause = self._record.ttl_seconds / 12
