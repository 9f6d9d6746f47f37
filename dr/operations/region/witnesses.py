"""What the stores say of who is alive: WAL that comes in is written by a living server, wherever we stand.

A store's own clock measures how long nothing has come, so that no host's clock is asked. A store that is being levelled
with another looks alive too: that only costs a later attempt, never a second primary.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from dr.catalog import labels
from dr.catalog.lsn import Lsn
from dr.configuration.model import System
from dr.errors import ConfigurationError, DrError
from dr.operations.repositories import open_repository
from dr.policy.promotion import Witness, needed
from dr.policy.wal_coverage import WalHoldings
from dr.storage.protocol import Store
from dr.storage.wal_catalogue import StoreWal, WalCatalogue

_PAUSE_SECONDS = 1.0
_PATIENCE = 2.0
"""How many times the quiet that is wanted is waited for: a receiver whose server is gone ships what it still has."""


def witness_stores(system: System) -> tuple[dict[str, Store], int]:
    """The stores to be asked, by name, and how many of them must answer. Raises ``ConfigurationError``."""
    stores = open_repository(system).stores
    names, count = needed(system.procedures.region.witnesses, tuple(stores))
    unknown = [name for name in names if name not in stores]
    if unknown:
        raise ConfigurationError(
            f"region.witnesses names {', '.join(unknown)}, which is no store of {system.name}",
            hint=f"Its stores are {', '.join(stores)}.",
        )
    return {name: stores[name] for name in names}, count


def quiet_seconds(system: System) -> float:
    """How long no WAL must have come in. A receiver stores the open segment only now and then: never less than twice
    that, or a server that is alive would look quiet in between.
    """
    return max(60 * system.procedures.region.quiet_minutes, 2.0 * system.wal.partial_seconds)


def ask_witnesses(system: System) -> tuple[Witness, ...]:
    """Every witness at once, each with what it says or why it does not."""
    stores, _ = witness_stores(system)
    with ThreadPoolExecutor(len(stores), thread_name_prefix="witness") as pool:
        return tuple(pool.map(lambda store: _ask(system.name, store), stores.values()))


def wait_until_quiet(system: System, seconds: float) -> tuple[Witness, ...]:
    """Ask until no answering witness has got WAL for ``seconds``, or twice that time is over; the last answers."""
    deadline = time.monotonic() + _PATIENCE * seconds
    while True:
        found = ask_witnesses(system)
        if is_quiet(found, seconds) or time.monotonic() > deadline:
            return found
        time.sleep(_PAUSE_SECONDS)


def is_quiet(witnesses: Sequence[Witness], seconds: float) -> bool:
    """Whether no WAL has come into any store that answers for that long."""
    return all(item.quiet_seconds is None or item.quiet_seconds >= seconds for item in witnesses if item.answers)


def _ask(system: str, store: Store) -> Witness:
    try:
        newest = max((item.modified for item in store.list(labels.wal_index_prefix(system))), default=None)
        # The clock is read after the WAL: what comes in between makes the store look quieter by that instant only.
        clock = f"{labels.lease_prefix(system, 'failover')}clock"
        store.put_bytes(clock, b"")
        now = store.head(clock).modified
        read = WalCatalogue(system, [store]).read(store.name)
    except DrError as error:
        return Witness(store.name, False, f"{error.message} {error.detail}".strip())
    if read.error is not None:
        return Witness(store.name, False, read.error.message)
    timeline, end = _newest(read)
    quiet = None if newest is None else max(0.0, (now - newest).total_seconds())
    return Witness(store.name, True, "; ".join(read.unreadable), quiet, timeline, end)


def _newest(read: StoreWal) -> tuple[int, Lsn | None]:
    holdings = WalHoldings(read.blocks)
    timeline = max((*holdings.timelines, *read.histories), default=0)
    numbers = holdings.numbers(timeline)
    if not numbers:
        return timeline, None
    piece = holdings.piece(timeline, numbers[-1])
    valid = getattr(piece, "valid_bytes", None)
    begin = numbers[-1] * holdings.geometry.segment_bytes
    return timeline, Lsn(begin + (holdings.geometry.segment_bytes if valid is None else valid))
