"""What a database does by itself: subscriptions, and the jobs of pg_cron where that is installed."""

from __future__ import annotations

from dataclasses import dataclass

from dr.postgres.connection import Connection
from dr.postgres.queries import query


@dataclass(frozen=True, slots=True)
class Job:
    """``name`` begins with what it is; ``active``: it works whenever its time comes."""

    name: str
    active: bool


def jobs(connection: Connection) -> tuple[Job, ...]:
    """All of this database. Raises ``PrivilegeMissing`` where the role may not see them."""
    rows = connection.execute(query("jobs")).fetchall()
    there = connection.execute("SELECT to_regclass('cron.job') IS NOT NULL AS there").fetchone()
    if there and there["there"]:
        rows += connection.execute(query("cron_jobs")).fetchall()
    return tuple(Job(row["name"], row["active"]) for row in rows)
