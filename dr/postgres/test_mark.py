"""Whether a database says of itself that it is there to be broken, and where its largest table lies.

The mark is a setting of the database. It travels with a physical copy and with a dump's globals, so it holds the name
of the system that it was given to: on a copy under another name it says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from dr.errors import SourceError
from dr.postgres.connection import connected
from dr.postgres.queries import query
from dr.secret import Secret


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table's first file, relative to the data directory, and its pages."""

    name: str
    path: str
    page_bytes: int
    pages: int


def read_test_mark(url: Secret) -> str:
    """The name of the test system that this database says to be; empty where it says nothing."""
    with connected(url) as connection:
        row = connection.execute(query("test_mark")).fetchone()
    return str(row["mark"]) if row else ""


def how_to_mark(system: str, database: str) -> str:
    """The statement that marks a database, for whoever may run it.

    >>> how_to_mark("demo", "shop")
    'ALTER DATABASE "shop" SET dr.test_system = \\'demo\\''
    """
    quoted = database.replace('"', '""')
    return f"ALTER DATABASE \"{quoted}\" SET dr.test_system = '{system}'"


def largest_table(url: Secret) -> TableFile:
    """The largest table that has pages to lose. Raises ``SourceError`` when none has."""
    with connected(url) as connection:
        row = connection.execute(query("largest_table")).fetchone()
    if row is None or not row["pages"]:
        raise SourceError(
            "the database has no table with a page in it", hint="Fill it first: there is nothing to lose."
        )
    return TableFile(**row)
