"""One object to several stores at once, without waiting for those that take much longer than the quickest."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from dr.errors import DrError, StoreUnavailable
from dr.operations.wal.lanes import Lane
from dr.operations.wal.ship_segment import Sealed, store

_PATIENCE_SECONDS = 15.0


class Travel:
    """Threads that carry objects to stores. ``close`` it."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="store WAL")

    def store(self, key: str, sealed: Sealed, lanes: Sequence[Lane]) -> tuple[str, ...]:
        """Store the object in every lane at once; the names of those that have it. Raises when none has.

        A store that takes much longer than the quickest is left to be levelled later.
        """
        travels: dict[Future[DrError | None], Lane] = {}
        for lane in lanes:
            lane.depart()
            travels[self._pool.submit(_travel, lane, key, sealed)] = lane
        waiting: set[Future[DrError | None]] = set(travels)
        stored: list[str] = []
        last: DrError = StoreUnavailable("no store takes part at the moment")
        while waiting:
            done, waiting = wait(waiting, _PATIENCE_SECONDS if stored else None, FIRST_COMPLETED)
            if not done:
                for late in waiting:
                    travels[late].fail(StoreUnavailable(f"store {travels[late].name} is slow: it is levelled later"))
                break
            for travel in done:
                error = travel.result()
                if error is None:
                    stored.append(travels[travel].name)
                else:
                    last = error
                    travels[travel].fail(error)
        if not stored:
            raise last
        return tuple(stored)

    def close(self) -> None:
        """Wait for what is on its way; what has not departed stays here."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _travel(lane: Lane, key: str, sealed: Sealed) -> DrError | None:
    try:
        store(lane.store, key, sealed)
    except DrError as error:
        return error
    finally:
        lane.arrive()
    return None
