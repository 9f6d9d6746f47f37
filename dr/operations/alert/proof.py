"""When was it last shown that alerts reach people, and by which channels? A proof that nobody can look up is none.

This host knows what each channel answered to its own last test; of tests elsewhere the records in the stores tell.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from dr.catalog.runs import RunFacts
from dr.operations.alert.book import Book

SELF_TEST = "alert-self-test"


@dataclass(frozen=True, slots=True)
class PathProof:
    """A test of the alert path: when it ended, and the channels that confirmed it.

    ``confirmed`` is None for one that another host made: its record says only that enough of them did.
    """

    at: datetime
    confirmed: tuple[str, ...] | None


def last_proof(book: Book, runs: Iterable[RunFacts]) -> PathProof | None:
    """The newest of what this host tried and of what ended well anywhere; None when nobody ever tried."""
    good = [run for run in runs if run.procedure == SELF_TEST and run.completed]
    newest = max(good, key=lambda run: run.end, default=None)
    if book.tested is None:
        return PathProof(newest.end, None) if newest else None
    # The record of this host's own test says less than its book.
    if newest is not None and newest.end > book.tested and not newest.begin <= book.tested <= newest.end:
        return PathProof(newest.end, None)
    return PathProof(book.tested, book.confirmed)
