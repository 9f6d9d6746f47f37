"""What a snapshot saw, asked of a copy that was recovered to about the same place in the WAL."""

from __future__ import annotations

from dr.postgres.connection import connected
from dr.secret import Secret

_LATER = 64
"""Transactions above the snapshot that are looked at: each takes microseconds, and the two readings lie closer."""


def ended_since(url: Secret, visible: str) -> tuple[int, ...]:
    """Transactions that the snapshot did not see, and that are committed in the copy.

    ``visible`` is the snapshot as PostgreSQL writes it: ``xmin:xmax:running,running``.
    """
    _, xmax, running = visible.split(":")
    wanted = [int(item) for item in running.split(",") if item]
    wanted += range(int(xmax), int(xmax) + _LATER)
    committed: list[int] = []
    with connected(url) as connection:
        # The status of a transaction that never was cannot be asked for.
        row = connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next").fetchone()
        next_xid = int(row["next"]) if row else 0
        for xid in wanted:
            if xid >= next_xid:
                continue
            found = connection.execute("SELECT pg_xact_status(%s::text::xid8) AS status", (str(xid),)).fetchone()
            if found and found["status"] == "committed":
                committed.append(xid)
    return tuple(committed)


def unlogged_tables(url: Secret) -> frozenset[str]:
    """Tables that a recovery leaves empty, named as a dump names them."""
    with connected(url) as connection:
        rows = connection.execute(
            "SELECT format('%s.%s', n.nspname, c.relname) AS name FROM pg_class c "
            "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND c.relpersistence = 'u'"
        ).fetchall()
    return frozenset(str(row["name"]) for row in rows)
