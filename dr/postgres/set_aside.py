"""In a restored copy: put one table or one schema aside under another name, free of ties to the rest (I7).

What is dumped afterwards can then be loaded into the running database without touching anything that is there. The
copy is changed by this; it is thrown away afterwards.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from dr.errors import BackupNotFound, ConfigurationError, RecoveryFailed
from dr.postgres.connection import Connection
from dr.postgres.queries import query

_NO_NAME = (psycopg.errors.SyntaxError, psycopg.errors.InvalidName, psycopg.errors.FeatureNotSupported)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One of the two: a table as SQL writes it (``public.orders``, ``"Größen"``), or the name of a schema."""

    table: str = ""
    schema: str = ""

    def __post_init__(self) -> None:
        if bool(self.table) == bool(self.schema):
            raise ValueError("name either a table or a schema")

    def __str__(self) -> str:
        return f"table {self.table}" if self.table else f"schema {self.schema}"


def parse_wanted(table: str, schema: str) -> Wanted:
    """What an operator typed. Raises ConfigurationError unless it is exactly one of the two."""
    try:
        return Wanted(table.strip(), schema.strip())
    except ValueError:
        raise ConfigurationError(
            "name either a table or a schema",
            hint="--table public.orders brings one table back, --schema NAME all of it.",
        ) from None


@dataclass(frozen=True, slots=True)
class SetAside:
    """What lies in ``schema`` now; ``dropped`` names the ties that were cut, in words."""

    schema: str
    dropped: tuple[str, ...]


def set_aside(connection: Connection, wanted: Wanted, schema: str) -> SetAside:
    """Move what is wanted into ``schema``, in one transaction. Raises ``BackupNotFound`` when the copy has none."""
    with connection.transaction():
        if wanted.table:
            return _table(connection, wanted.table, schema)
        return _schema(connection, wanted.schema, schema)


def _table(connection: Connection, name: str, schema: str) -> SetAside:
    family = _family(connection, name)
    oids = [row["oid"] for row in family]
    dropped = _cut_constraints(connection, oids)
    for row in connection.execute(query("own_triggers"), {"tables": oids}).fetchall():
        connection.execute(
            sql.SQL("DROP TRIGGER {} ON {}").format(
                sql.Identifier(row["name"]), sql.Identifier(row["schema"], row["table"])
            )
        )
        dropped.append(f"trigger {row['name']} of {row['table']}")
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    for row in family:
        connection.execute(
            sql.SQL("ALTER TABLE {} SET SCHEMA {}").format(
                sql.Identifier(row["schema"], row["name"]), sql.Identifier(schema)
            )
        )
    return SetAside(schema, tuple(dropped))


def _family(connection: Connection, name: str) -> list[dict[str, Any]]:
    row = None
    # A name that SQL cannot read (nobody's table) aborts a transaction, so it gets one of its own.
    with contextlib.suppress(*_NO_NAME), connection.transaction():
        row = connection.execute(
            "SELECT oid::bigint AS oid FROM pg_class WHERE oid = to_regclass(%s) AND relkind IN ('r', 'p')", (name,)
        ).fetchone()
    if row is None:
        raise BackupNotFound(
            f"there was no table {name} at that moment",
            detail=f"similar: {', '.join(_similar(connection, name)) or 'none'}",
            hint="Write it as SQL does, with its schema: public.orders. Or choose a moment at which it existed.",
        )
    return connection.execute(query("table_family"), {"oid": row["oid"]}).fetchall()


def _similar(connection: Connection, name: str) -> list[str]:
    part = name.rsplit(".", 1)[-1].strip('"')
    found = connection.execute(
        "SELECT oid::regclass::text AS shown FROM pg_class WHERE relkind IN ('r', 'p') AND relname ILIKE %s"
        " AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema') ORDER BY 1 LIMIT 5",
        (f"%{part}%",),
    )
    return [str(row["shown"]) for row in found]


def _schema(connection: Connection, name: str, schema: str) -> SetAside:
    there = connection.execute(
        "SELECT array(SELECT c.oid::bigint FROM pg_class AS c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p'))"
        " AS tables FROM pg_namespace AS n WHERE n.nspname = %s AND n.nspname !~ '^pg_'",
        (name,),
    ).fetchone()
    if there is None:
        raise BackupNotFound(
            f"there was no schema {name} at that moment",
            hint="Give its name as it is, without quotes. Or choose a moment at which it existed.",
        )
    dropped = _cut_constraints(connection, there["tables"])
    extensions = connection.execute(
        "SELECT extname FROM pg_extension WHERE extnamespace = to_regnamespace(quote_ident(%s))", (name,)
    ).fetchall()
    connection.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(schema)))
    if extensions:
        # Extensions are installed in the running database already, under the schema's own name.
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
    for row in extensions:
        _move_back(connection, str(row["extname"]), name)
    return SetAside(schema, tuple(dropped))


def _move_back(connection: Connection, extension: str, schema: str) -> None:
    try:
        connection.execute(
            sql.SQL("ALTER EXTENSION {} SET SCHEMA {}").format(sql.Identifier(extension), sql.Identifier(schema))
        )
    except psycopg.Error as error:
        raise RecoveryFailed(
            f"schema {schema} holds the extension {extension}, which cannot be moved out of it",
            " ".join(str(error).split()),
            "Restore the schema's tables one by one: --table.",
        ) from error


def _cut_constraints(connection: Connection, tables: object) -> list[str]:
    """Drop foreign keys that lead out of what is restored or into it: the other end may look different today."""
    dropped = []
    for row in connection.execute(query("outside_constraints"), {"tables": tables}).fetchall():
        connection.execute(
            sql.SQL("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}").format(
                sql.Identifier(row["schema"], row["table"]), sql.Identifier(row["name"])
            )
        )
        dropped.append(f"foreign key {row['name']} of {row['table']}")
    return dropped
