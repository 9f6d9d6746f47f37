"""The canary: a row a second, by which a recovery knows how much was lost."""

from __future__ import annotations

import psycopg

from dr.catalog.canary import Beat
from dr.postgres.connection import Connection
from dr.postgres.queries import query


def create_table(connection: Connection) -> None:
    """Make ``dr_canary`` in the connection's search path unless it is there."""
    connection.execute(query("canary_table"))


def beat(connection: Connection) -> Beat:
    """Write one row; it is committed when this returns (the connection must be in autocommit)."""
    row = connection.execute(query("canary_beat")).fetchone()
    if row is None:
        raise psycopg.DataError("the canary row was not returned")
    return Beat(**row)


def trim(connection: Connection, days: int) -> None:
    """Remove rows older than this; the table would grow by a row a second otherwise."""
    connection.execute(query("canary_trim"), {"days": days})


def last_beat(connection: Connection, up_to: int | None = None) -> Beat | None:
    """The newest canary row, or the newest up to that number; None when the database has no canary."""
    try:
        row = connection.execute(query("canary_last"), {"up_to": up_to}).fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    return Beat(**row) if row else None
