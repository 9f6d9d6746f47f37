"""Let a server itself run a program, to see what it can reach from where it is."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from psycopg import sql

from dr.postgres.cluster import Server
from dr.postgres.connection import connected


def run_inside(server: Server, argv: Iterable[str]) -> str:
    """What the program wrote, whatever its exit status. Takes a superuser, which our own servers give us."""
    command = f"{shlex.join(argv)} 2>&1; true"
    with connected(server.url) as connection:
        connection.execute("CREATE TEMPORARY TABLE dr_dialled (line text)")
        connection.execute(sql.SQL("COPY dr_dialled FROM PROGRAM {}").format(sql.Literal(command)))
        rows = connection.execute("SELECT line FROM dr_dialled").fetchall()
    return "; ".join(str(row["line"]) for row in rows)
