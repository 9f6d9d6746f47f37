"""What the database holds at one moment in which nobody writes: taken before the disaster and again after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dr.demo.queries import query
from dr.postgres.connection import Connection, connected
from dr.postgres.digests import TableDigest, UserTable, digest_tables, user_tables
from dr.secret import Secret

LARGE_OBJECTS = "large objects"


@dataclass(frozen=True, slots=True)
class Fact:
    """One definition, right or comment. ``what`` is for comparing; it may say more than should be shown."""

    kind: str
    name: str
    what: str


@dataclass(frozen=True, slots=True)
class Baseline:
    """Rows and digests of every table, of the materialized view and of the large objects; and everything beside rows.

    ``unlogged`` names the tables that PostgreSQL empties in a physical recovery, as it promises.
    """

    digests: Mapping[str, TableDigest]
    unlogged: frozenset[str]
    facts: frozenset[Fact]


def take_baseline(url: Secret) -> Baseline:
    """Read everything, as superuser, from a database to which nobody writes."""
    with connected(url) as connection:
        views = tuple(UserTable(**row) for row in connection.execute(query("materialized_views")))
        digests = {item.table: item for item in digest_tables(connection, (*user_tables(connection), *views))}
        digests[LARGE_OBJECTS] = _large_objects(connection)
        unlogged = frozenset(row["name"] for row in connection.execute(query("unlogged_tables")))
        facts = frozenset(Fact(**row) for row in connection.execute(query("facts")))
    return Baseline(digests, unlogged, facts)


def _large_objects(connection: Connection) -> TableDigest:
    row = connection.execute(query("large_objects")).fetchone()
    return TableDigest(LARGE_OBJECTS, int(row["n"]) if row else 0, row["d"] if row else "0")
