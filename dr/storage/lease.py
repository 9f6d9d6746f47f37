"""One run at a time per system and verb (I25): a lease kept as objects in the store itself.

The lease of ``<prefix>`` is the newest object ``<prefix>00000007.json``. To take it one must find it released or
expired, and be the one who creates ``00000008.json`` exclusively. Its holder rewrites it every third of ``ttl``; a
holder that dies stops doing so, and ``ttl`` later the next run takes over; at once where it is on the same host and can
be seen to be dead, as after kill -9 of a recovery that somebody runs again.

Clocks. Hosts disagree about the time, so no host's clock is asked. A lease is as old as the store says that its object
is, against the store's time read off an object written at that moment: both from one clock. The holder measures its own
``ttl`` from *before* a renewal was sent, on a clock that goes on while the machine is suspended: it gives up before
anybody else may take over. The times inside the record are for people. What remains: when the store's own clock is set
forward by more than ``ttl``, a living holder can be taken for dead, and notices at its next renewal.

Why three looks. Creating generation 8 proves only that there was no 8: a host that dozed off after listing 7 may create
8 after another has been through 8 and 9. So it looks again, and withdraws when a later generation is there. A holder
that was slow may renew 7 just when we judge it expired and create 8: so we look again for 7, it looks for 8 after each
renewal, and whichever came second sees the other. Both may then withdraw, never both go on.

Older generations are deleted by the new holder. The newest never is, not even by its own release: numbers would begin
again at 1, and the sleeper above would create 8 with nothing later to be seen.

Where ``create`` is not exclusive (``method`` says so): everybody writes a claim of their own,
``00000008.<token>.json``, waits ``settle``, and looks: the lowest claim that is alive has it, the others withdraw. Who
took longer than ``settle`` from the first look to the claim withdraws too, since the others may not have waited for it.
All hosts must use one ``settle``.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from dr.errors import LeaseHeld, StoreError, StoreUnavailable
from dr.storage.lease_claims import (
    LONGEST_TTL,
    Claim,
    Holder,
    LeaseRecord,
    Position,
    held_by,
    positions,
    survey,
    to_json,
)
from dr.storage.lease_renewal import CLAIM_AND_WAIT, EXCLUSIVE, Lease, uptime, utc_now
from dr.storage.protocol import ConditionalWritesMissing, Store

__all__ = ["CLAIM_AND_WAIT", "EXCLUSIVE", "SETTLE", "TTL", "HeldLeases", "Holder", "Lease", "acquire", "hold_all"]

TTL = timedelta(seconds=120)
SETTLE = timedelta(seconds=5)


def acquire(
    store: Store,
    prefix: str,
    holder: Holder,
    *,
    now: Callable[[], datetime] = utc_now,
    ttl: timedelta = TTL,
    settle: timedelta = SETTLE,
) -> Lease:
    """Take the lease of ``prefix`` (which ends in ``/``) and keep renewing it until it is released.

    ``now`` dates the record for people; it decides nothing. Raises LeaseHeld naming the run that has the lease, and
    StoreError when the store cannot be asked.
    """
    if not timedelta(seconds=1) <= ttl <= LONGEST_TTL:
        raise ValueError(f"a lease lasts from 1 second to {LONGEST_TTL}, not {ttl}")
    if settle * 2 > ttl:
        raise ValueError(f"a lease of {ttl} would be half over after waiting {settle} for other claims")
    begin = now()
    record = LeaseRecord(holder, secrets.token_hex(8), begin, begin + ttl, ttl.total_seconds())
    try:
        position, taken = _create(store, prefix, record)
    except ConditionalWritesMissing:
        position, taken = _claim(store, prefix, record, settle.total_seconds())
    _tidy(store, prefix, position)
    return Lease(store, prefix, position, record, taken, now).begin_renewing()


def _create(store: Store, prefix: str, record: LeaseRecord) -> tuple[Position, float]:
    """The usual way; see the module's text for why it looks three times."""
    position = _next(store, prefix)
    taken = uptime()
    if not store.create(position.key(prefix), to_json(record)):
        raise _refused(store, prefix, survey(store, prefix).alive)
    with _withdrawing(store, prefix, position, record):
        seen = survey(store, prefix).without(record)
        if seen.alive or seen.last_generation > position.generation:
            raise _refused(store, prefix, seen.alive)
    return position, taken


def _claim(store: Store, prefix: str, record: LeaseRecord, settle: float) -> tuple[Position, float]:
    """The slow way, where nothing can be created exclusively."""
    began = uptime()
    position = replace(_next(store, prefix), token=record.token)
    taken = uptime()
    store.put_bytes(position.key(prefix), to_json(record))
    with _withdrawing(store, prefix, position, record):
        spent = uptime() - began
        if spent >= settle:
            raise StoreUnavailable(
                f"store {store.name} is too slow to agree on a lease",
                f"looking and claiming took {spent:.1f} s; others wait only {settle:.0f} s for it",
                "Try again when it answers faster.",
            )
        time.sleep(settle)
        seen = survey(store, prefix).without(record)
        lower = tuple(claim for claim in seen.alive if claim.position < position)
        if lower or seen.last_generation > position.generation:
            raise _refused(store, prefix, lower)
    return position, taken


def _next(store: Store, prefix: str) -> Position:
    """The place after the last, if nobody is alive on any; raises LeaseHeld otherwise."""
    seen = survey(store, prefix)
    if seen.alive:
        raise _refused(store, prefix, seen.alive)
    return Position(seen.last_generation + 1)


def _refused(store: Store, prefix: str, alive: tuple[Claim, ...]) -> LeaseHeld:
    if alive:
        return held_by(store, prefix, alive[0])
    return LeaseHeld(
        f"{prefix.rstrip('/')} is being taken by another run",
        f"in store {store.name}, at this moment",
        "Wait until that run ends, then try again.",
    )


@contextmanager
def _withdrawing(store: Store, prefix: str, position: Position, record: LeaseRecord) -> Iterator[None]:
    """Take our claim back when what follows fails. It is marked, not deleted: it may be the newest."""
    try:
        yield
    except BaseException:
        with suppress(StoreError):  # then it expires by itself, and the first error is the one to tell
            store.put_bytes(position.key(prefix), to_json(replace(record, released=True)))
        raise


def _tidy(store: Store, prefix: str, position: Position) -> None:
    """Delete what was before us. Where that fails, or we may not (I11), it stays and harms nobody."""
    with suppress(StoreError):
        for place in positions(store, prefix):
            if place.generation < position.generation:
                store.delete(place.key(prefix))


@dataclass(slots=True)
class HeldLeases:
    """The leases of one run, by store, and why the other stores gave none or lost it."""

    leases: Mapping[str, Lease]
    failures: dict[str, StoreError] = field(default_factory=dict)

    def check(self) -> None:
        """Return while at least one lease is ours and none was taken by another.

        A lease that only could not be renewed moves to ``failures``: a store that is away must not stop the copies to
        the others. Raises LeaseHeld, or the StoreError of the last lease when none is left.
        """
        good = 0
        for name, lease in self.leases.items():
            try:
                lease.check()
                good += 1
            except StoreError as error:
                self.failures[name] = error
        if not good:
            raise next(iter(self.failures.values()))


@contextmanager
def hold_all(
    stores: Iterable[Store],
    prefix: str,
    holder: Holder,
    *,
    now: Callable[[], datetime] = utc_now,
    ttl: timedelta = TTL,
    settle: timedelta = SETTLE,
) -> Iterator[HeldLeases]:
    """Hold the lease of ``prefix`` in every store that can grant it.

    Raises LeaseHeld, holding none, as soon as another run has one; the first StoreError when no store granted any.
    """
    with ExitStack() as stack:
        leases: dict[str, Lease] = {}
        failures: dict[str, StoreError] = {}
        # In one order everywhere, so that of two runs that begin together one wins.
        for store in sorted(stores, key=lambda store: store.name):
            try:
                leases[store.name] = stack.enter_context(
                    acquire(store, prefix, holder, now=now, ttl=ttl, settle=settle)
                )
            except StoreError as error:
                failures[store.name] = error
        if failures and not leases:
            raise next(iter(failures.values()))
        yield HeldLeases(leases, failures)
