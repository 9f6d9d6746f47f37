"""Are the indexes and tables of a running copy what they should be? ``pg_amcheck``, and without it less, and said so.

A query may answer rightly for years while an index is damaged. amcheck compares every index with its table; where the
extension is not installed, every B-tree is at least read through in its order and counted against its table.
"""

from __future__ import annotations

import logging

import psycopg
from psycopg import sql

from dr.pipeline.process import run
from dr.policy.drill_verdict import Answer, Probe
from dr.postgres.cluster import Server
from dr.postgres.connection import Connection, client_environment, connected
from dr.postgres.installations import Installation
from dr.postgres.neutralise import databases
from dr.postgres.queries import query

logger = logging.getLogger(__name__)

_SCHEMA = "dr_amcheck"
_SHOWN_CHARACTERS = 1500
_DEADLINE_SECONDS = 6 * 3600


def amcheck(server: Server, installation: Installation) -> tuple[Probe, ...]:
    """Check every database. Not essential: without it nothing else is less true."""
    if _available(server):
        return (_pg_amcheck(server, installation),)
    lacking = (
        f"the extension amcheck is not installed for PostgreSQL {installation.major} on this host"
        " (its contrib package has it)"
    )
    return (Probe("amcheck", Answer.UNPROVEN, lacking), _indexes_read(server))


def _available(server: Server) -> bool:
    with connected(server.url_for("postgres")) as connection:
        found = connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'amcheck'").fetchone()
    return found is not None


def _pg_amcheck(server: Server, installation: Installation) -> Probe:
    argv = (
        installation.program("pg_amcheck"),
        "--all",
        "--no-password",
        "--jobs=2",
        "--heapallindexed",
        "--parent-check",
        f"--install-missing={_SCHEMA}",
    )
    for database in databases(server):
        with connected(server.url_for(database)) as connection:
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(_SCHEMA)))
    environment = client_environment(server.url_for("postgres"))
    ended, output = run("pg_amcheck", argv, environment=environment, deadline_seconds=_DEADLINE_SECONDS)
    said = " ".join(f"{output}\n{ended.stderr}".split())
    if ended.ok:
        return Probe("amcheck", Answer.PASSED, f"tables and indexes of {len(databases(server))} databases are sound")
    if ended.status == 2:
        return Probe("amcheck", Answer.FAILED, said[:_SHOWN_CHARACTERS])
    return Probe("amcheck", Answer.UNPROVEN, f"pg_amcheck did not come to its end: {said[:_SHOWN_CHARACTERS]}")


def _indexes_read(server: Server) -> Probe:
    wrong: list[str] = []
    read = 0
    for database in databases(server):
        with connected(server.url_for(database)) as connection:
            for row in connection.execute(query("btree_indexes")).fetchall():
                read += 1
                problem = index_problem(connection, row["definition_schema"], row["table_name"], row["index_oid"])
                if problem:
                    wrong.append(f"{database}: {row['index_name']}: {problem}")
    if wrong:
        return Probe("indexes read", Answer.FAILED, "; ".join(wrong)[:_SHOWN_CHARACTERS])
    return Probe("indexes read", Answer.PASSED, f"{read} B-trees read through, and each has its table's rows")


def index_problem(connection: Connection, schema: str, table: str, index: int) -> str:
    """What is wrong with one index; empty when its entries are as many as its table's rows that it must have."""
    row = connection.execute(
        "SELECT pg_get_indexdef(%(index)s, 1, true) AS column, pg_get_expr(indpred, indrelid) AS condition "
        "FROM pg_index WHERE indexrelid = %(index)s",
        {"index": index},
    ).fetchone()
    if row is None:
        return ""
    source = sql.Identifier(schema, table)
    condition = sql.SQL(row["condition"]) if row["condition"] else sql.SQL("true")
    try:
        with connection.transaction():
            connection.execute("SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off")
            connection.execute("SET LOCAL enable_bitmapscan = off; SET LOCAL max_parallel_workers_per_gather = 0")
            whole = connection.execute(
                sql.SQL("SELECT count(*) AS n FROM ONLY {} WHERE {}").format(source, condition)
            ).fetchone()
            connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = on")
            connection.execute("SET LOCAL enable_indexonlyscan = on; SET LOCAL enable_sort = off")
            through = connection.execute(
                sql.SQL(
                    "SELECT count(*) AS n FROM (SELECT {} AS key FROM ONLY {} WHERE {} ORDER BY 1) AS ordered"
                ).format(sql.SQL(row["column"]), source, condition)
            ).fetchone()
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        return " ".join(str(error).split())
    if whole and through and whole["n"] != through["n"]:
        return f"{through['n']} entries for {whole['n']} rows"
    return ""
