"""Take away from a restored copy what could act on others or by itself, in every database, before anybody uses it.

Being sealed, it cannot get out anyway; but a copy may be handed to people who open the seal. Subscriptions are disabled
and let go of their slot, foreign servers lose their addresses and logins, jobs are switched off, event triggers are
disabled. Then the operator's own SQL masks what people must not see.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from dr.errors import ConfigurationError, SourceError
from dr.postgres.cluster import Server
from dr.postgres.connection import Connection, connected
from dr.postgres.queries import query

logger = logging.getLogger(__name__)

_NOWHERE = "192.0.2.1"
"""An address of the range that is kept for documentation: nobody answers there."""
_LOCATION = {"host": _NOWHERE, "hostaddr": _NOWHERE, "port": "1", "address": _NOWHERE, "dbserver": _NOWHERE}
_DATABASE = re.compile(r"^--\s*database:\s*(\S.*?)\s*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Outside:
    """One thing in a database that could act on others or by itself. ``active``: it still can."""

    database: str
    kind: str
    name: str
    active: bool


def neutralise(server: Server) -> tuple[Outside, ...]:
    """Do it in every database that lets anybody in; what there was, as it is afterwards."""
    found: list[Outside] = []
    for database in databases(server):
        with connected(server.url_for(database)) as connection:
            connection.execute("SET session_replication_role = replica")  # no trigger of theirs takes part
            _stop_subscriptions(connection)
            _stop_event_triggers(connection)
            _blind_foreign_servers(connection)
            _stop_jobs(connection)
            found += outside(connection, database)
    return tuple(found)


def databases(server: Server) -> tuple[str, ...]:
    """Those that let anybody in."""
    with connected(server.url_for("postgres")) as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datallowconn ORDER BY datname")
        return tuple(str(row["datname"]) for row in rows)


def outside(connection: Connection, database: str) -> Iterator[Outside]:
    """What could act, and whether it still can."""
    for row in connection.execute(query("active_outside")).fetchall():
        yield Outside(database, row["kind"], row["name"], row["active"])
    for row in connection.execute("SELECT srvname, srvoptions FROM pg_foreign_server ORDER BY srvname").fetchall():
        options = dict(item.split("=", 1) for item in row["srvoptions"] or ())
        blind = all(options.get(name, value) == value for name, value in _LOCATION.items())
        yield Outside(database, "foreign server", row["srvname"], not blind)
    if _has_jobs(connection):
        for row in connection.execute("SELECT jobid::text AS name, active FROM cron.job ORDER BY jobid").fetchall():
            yield Outside(database, "job", row["name"], row["active"])


def mask(server: Server, database: str, directory: Path | None) -> tuple[str, ...]:
    """Run the operator's SQL files in the order of their names, each in one transaction; the names of those run.

    A first line ``-- database: NAME`` names another database. Raises ConfigurationError when one fails: a copy that is
    not masked is not handed to anybody.
    """
    if directory is None:
        return ()
    files = sorted(directory.glob("*.sql"))
    if not files:
        raise ConfigurationError(
            f"{directory} holds no SQL files, and drill.masking names it",
            hint="Put files NAME.sql there, or remove the setting.",
        )
    for file in files:
        text = file.read_text(encoding="utf-8")
        named = _DATABASE.search(text.partition("\n")[0])
        try:
            with connected(server.url_for(named[1] if named else database), autocommit=False) as connection:
                connection.execute(text.encode())
                connection.commit()
        except SourceError as error:
            raise ConfigurationError(
                f"the masking {file.name} fails in the restored copy",
                detail=error.detail,
                hint="Mend the file; nothing was handed to anybody.",
            ) from error
    return tuple(file.name for file in files)


def _stop_subscriptions(connection: Connection) -> None:
    rows = connection.execute(
        "SELECT subname FROM pg_subscription "
        "WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
    ).fetchall()
    for row in rows:
        name = sql.Identifier(row["subname"])
        # Without its slot it can be dropped, and enabled again only by somebody who means it.
        connection.execute(sql.SQL("ALTER SUBSCRIPTION {} DISABLE").format(name))
        connection.execute(sql.SQL("ALTER SUBSCRIPTION {} SET (slot_name = NONE)").format(name))


def _stop_event_triggers(connection: Connection) -> None:
    for row in connection.execute("SELECT evtname FROM pg_event_trigger WHERE evtenabled <> 'D'").fetchall():
        connection.execute(sql.SQL("ALTER EVENT TRIGGER {} DISABLE").format(sql.Identifier(row["evtname"])))


def _blind_foreign_servers(connection: Connection) -> None:
    """Whatever the wrapper: addresses are replaced where it knows them, and nobody has a login any more."""
    for row in connection.execute("SELECT srvname, usename FROM pg_user_mappings").fetchall():
        whose = sql.SQL("PUBLIC") if row["usename"] in (None, "public") else sql.Identifier(row["usename"])
        drop = sql.SQL("DROP USER MAPPING IF EXISTS FOR {} SERVER {}")
        connection.execute(drop.format(whose, sql.Identifier(row["srvname"])))
    for row in connection.execute("SELECT srvname, srvoptions FROM pg_foreign_server").fetchall():
        present = {item.split("=", 1)[0] for item in row["srvoptions"] or ()}
        changes = [
            sql.SQL("SET {} {}").format(sql.Identifier(name), sql.Literal(value))
            for name, value in _LOCATION.items()
            if name in present
        ]
        changes += [sql.SQL("ADD {} {}").format(sql.Identifier("host"), sql.Literal(_NOWHERE))] * _takes_host(
            connection, row["srvname"], present
        )
        if changes:
            alter = sql.SQL("ALTER SERVER {} OPTIONS ({})")
            connection.execute(alter.format(sql.Identifier(row["srvname"]), sql.SQL(", ").join(changes)))


def _takes_host(connection: Connection, server: str, present: set[str]) -> bool:
    """A server of postgres_fdw or dblink_fdw without any address means this very host, by its socket."""
    if {"host", "hostaddr"} & present:
        return False
    row = connection.execute(
        "SELECT w.fdwname FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw "
        "WHERE s.srvname = %s",
        (server,),
    ).fetchone()
    return row is not None and row["fdwname"] in ("postgres_fdw", "dblink_fdw")


def _has_jobs(connection: Connection) -> bool:
    row = connection.execute("SELECT to_regclass('cron.job') IS NOT NULL AS there").fetchone()
    return bool(row and row["there"])


def _stop_jobs(connection: Connection) -> None:
    if _has_jobs(connection):
        connection.execute("UPDATE cron.job SET active = false WHERE active")
