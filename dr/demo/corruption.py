"""The disaster: pages of a table's heap are overwritten on disk, and PostgreSQL itself has to notice.

A page in shared buffers hides its damaged copy on disk for as long as it stays there. So the server goes down without
a word, as in a power failure, the disk loses pages while nobody looks, and the server comes up again with empty
buffers: it recovers from the crash without complaint, because the WAL knows nothing of those pages, and serves. The
damage is found by the first query that reads them.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dr.demo.estate import Estate
from dr.demo.queries import query
from dr.errors import RecoveryFailed, SourceError
from dr.postgres.connection import connected
from dr.secret import Secret

_PAGES = 5


@dataclass(frozen=True, slots=True)
class Damage:
    """What was overwritten: the table, its file, its pages by number, and when all was well for the last time (UTC)."""

    table: str
    file: Path
    pages: tuple[int, ...]
    at: datetime


def corrupt(estate: Estate, seed: int) -> Damage:
    """Crash the server, overwrite pages in the middle of its largest quiet table, and start it again."""
    with connected(estate.superuser_url) as connection:
        # Afterwards the WAL holds no image of these pages from which the crash recovery could mend them.
        connection.execute("CHECKPOINT")
        row = connection.execute(query("largest_table")).fetchone()
    if row is None or row["pages"] == 0:
        raise RecoveryFailed("the demo has no table to damage", hint="Load the data set first.")
    at = datetime.now(UTC)
    estate.server.crash()
    file = estate.production / row["path"]
    pages = overwrite_pages(file, row["page_bytes"], row["pages"], seed)
    estate.server.begin(estate.production)
    return Damage(row["name"], file, pages, at)


def overwrite_pages(file: Path, page_bytes: int, pages: int, seed: int) -> tuple[int, ...]:
    """Put noise over a few pages in the middle half of ``file``; ``seed`` decides which, and what. Their numbers."""
    dice = random.Random(seed)  # noqa: S311 - a demo that can be repeated
    middle = range(pages // 4, max(pages * 3 // 4, pages // 4 + 1))
    chosen = tuple(sorted(dice.sample(middle, min(_PAGES, len(middle)))))
    with file.open("r+b") as stream:
        for page in chosen:
            stream.seek(page * page_bytes)
            stream.write(dice.randbytes(page_bytes))
    return chosen


def confirm_corruption(url: Secret, damage: Damage) -> str:
    """Read the table; PostgreSQL's own words about it. Raises ``RecoveryFailed`` when it reads without complaint."""
    try:
        with connected(url) as connection:
            for statement in query("read_heap").split(";"):
                connection.execute(statement)
            connection.execute(f"SELECT count(*) FROM {damage.table}".encode())  # noqa: S608 - PostgreSQL quoted it
    except SourceError as error:
        # One page: "invalid page in block 7 of relation ..."; several, from 18 on: "3 invalid pages among blocks ...".
        if "invalid page" in error.detail:
            return error.detail.partition(" HINT:")[0]
        raise
    raise RecoveryFailed(
        f"PostgreSQL reads {damage.table} without complaint although pages of it were overwritten",
        hint="Look whether data checksums are on; without them this damage stays unseen.",
    )
