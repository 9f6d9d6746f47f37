"""One table or schema out of a restored copy into another database, which holds the same things already."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from psycopg import sql

from dr.errors import BackupNotFound, PipelineError, RecoveryFailed, TargetRefused
from dr.postgres.connection import connected
from dr.postgres.installations import Installation
from dr.postgres.schema_copy import digests_of, load, require_free_schema, schema_dump
from dr.postgres.set_aside import Wanted, set_aside
from dr.secret import Secret
from tests.integration.conftest import TestServer

pytestmark = [pytest.mark.slow, pytest.mark.incident("I7")]

CONTENT = """
CREATE SCHEMA shop;
CREATE TYPE shop.mood AS ENUM ('calm', 'cross');
CREATE TABLE shop.customers (id serial PRIMARY KEY, name text, mood shop.mood DEFAULT 'calm');
CREATE TABLE shop."Bestellung ü" (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int REFERENCES shop.customers,
    total numeric NOT NULL, gross numeric GENERATED ALWAYS AS (total * 2) STORED
);
CREATE TABLE shop.positions (bestellung int REFERENCES shop."Bestellung ü", item text);
CREATE TABLE shop.events (id bigint, day date NOT NULL) PARTITION BY RANGE (day);
CREATE TABLE shop.events_2024 PARTITION OF shop.events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE shop.events_rest PARTITION OF shop.events DEFAULT;
CREATE FUNCTION shop.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''fired''; END';
CREATE TRIGGER nobody_deletes BEFORE DELETE ON shop."Bestellung ü" FOR EACH ROW EXECUTE FUNCTION shop.refuse();
INSERT INTO shop.customers (name) SELECT md5(i::text) FROM generate_series(1, 300) AS i;
INSERT INTO shop."Bestellung ü" (customer, total) SELECT i, i * 1.5 FROM generate_series(1, 300) AS i;
INSERT INTO shop.positions SELECT i, 'item ' || i FROM generate_series(1, 300) AS i;
INSERT INTO shop.events SELECT i, '2024-06-01'::date + i FROM generate_series(1, 400) AS i;
"""


@pytest.fixture
def databases(server: TestServer) -> Iterator[tuple[Secret, Secret]]:
    """The restored copy and the running database, with the same content."""
    names = [f"{role}_{secrets.token_hex(4)}" for role in ("copy", "running")]
    with connected(server.admin) as connection:
        for name in names:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    for name in names:
        with connected(server.server.url_for(name)) as connection:
            connection.execute(CONTENT.encode())
    yield server.server.url_for(names[0]), server.server.url_for(names[1])
    with connected(server.admin) as connection:
        for name in names:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _bring(
    databases: tuple[Secret, Secret], installation: Installation, wanted: Wanted, schema: str
) -> tuple[str, ...]:
    copy, running = databases
    with connected(copy) as connection:
        aside = set_aside(connection, wanted, schema)
        there = digests_of(connection, schema)
    with schema_dump(copy, installation, schema) as dump:
        assert load(dump, running, installation, str(wanted)) > 100
    with connected(running) as connection:
        assert digests_of(connection, schema) == there
    assert there
    return aside.dropped


def test_a_table_comes_back_beside_the_running_one(
    databases: tuple[Secret, Secret], installation: Installation
) -> None:
    """Rows, generated columns and identity are as they were; the running table keeps its later changes."""
    _, running = databases
    with connected(running) as connection:
        connection.execute('TRUNCATE shop."Bestellung ü" CASCADE')
        connection.execute('INSERT INTO shop."Bestellung ü" (customer, total) VALUES (1, 7)')

    dropped = _bring(databases, installation, Wanted(table='shop."Bestellung ü"'), "recovered")

    with connected(running) as connection:
        back = connection.execute('SELECT count(*) AS n, sum(gross) AS g FROM recovered."Bestellung ü"').fetchone()
        kept = connection.execute('SELECT count(*) AS n FROM shop."Bestellung ü"').fetchone()
        connection.execute(
            'INSERT INTO shop."Bestellung ü" (id, customer, total) OVERRIDING SYSTEM VALUE'
            ' SELECT id, customer, total FROM recovered."Bestellung ü"'
            ' WHERE id NOT IN (SELECT id FROM shop."Bestellung ü")'
        )
        merged = connection.execute('SELECT count(*) AS n FROM shop."Bestellung ü"').fetchone()
    assert merged == {"n": 301}
    assert back == {"n": 300, "g": 300 * 301 * 1.5}
    assert kept == {"n": 1}
    assert len([item for item in dropped if item.startswith("foreign key")]) == 2
    assert "trigger nobody_deletes of Bestellung ü" in dropped


def test_a_partitioned_table_comes_with_its_partitions(
    databases: tuple[Secret, Secret], installation: Installation
) -> None:
    """Parent and partitions hang together in the new schema."""
    _bring(databases, installation, Wanted(table="shop.events"), "Am Dienstag")

    with connected(databases[1]) as connection:
        rows = connection.execute('SELECT count(*) AS n FROM "Am Dienstag".events').fetchone()
    assert rows == {"n": 400}


def test_a_schema_comes_whole(databases: tuple[Secret, Secret], installation: Installation) -> None:
    """Types and functions of the schema come along, and the keys inside it still hold."""
    dropped = _bring(databases, installation, Wanted(schema="shop"), "shop_before")

    with connected(databases[1]) as connection:
        keys = connection.execute(
            "SELECT count(*) AS n FROM pg_constraint WHERE contype = 'f' AND connamespace = 'shop_before'::regnamespace"
        ).fetchone()
        kind = connection.execute("SELECT 'cross'::shop_before.mood::text AS mood").fetchone()
    assert keys == {"n": 2}
    assert kind == {"mood": "cross"}
    assert dropped == ()


@pytest.mark.parametrize("name", ["shop.nothing", "no such table", "a.b.c.d", 'shop."', "shop.customers; DROP TABLE x"])
def test_what_was_not_there_is_said(databases: tuple[Secret, Secret], name: str) -> None:
    """Nothing is put aside, whatever is typed."""
    with connected(databases[0]) as connection:
        with pytest.raises(BackupNotFound, match="no table"):
            set_aside(connection, Wanted(table=name), "recovered")
        there = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'recovered'").fetchone()
    assert there is None


def test_a_name_that_is_taken_is_refused(databases: tuple[Secret, Secret]) -> None:
    """Nothing is ever restored over what is there."""
    with pytest.raises(TargetRefused, match="already"):
        require_free_schema(databases[1], "shop")
    with pytest.raises(TargetRefused, match="cannot be"):
        require_free_schema(databases[1], "pg_mine")


def test_a_load_that_fails_leaves_nothing(databases: tuple[Secret, Secret], installation: Installation) -> None:
    """All of it or nothing: here the running database lacks a type that a column needs."""
    copy, running = databases
    with connected(running) as connection:
        connection.execute("DROP TYPE shop.mood CASCADE")
    with connected(copy) as connection:
        set_aside(connection, Wanted(table="shop.customers"), "recovered")
    with schema_dump(copy, installation, "recovered") as dump, pytest.raises(RecoveryFailed, match="mood"):
        load(dump, running, installation, "customers")
    with connected(running) as connection:
        assert connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'recovered'").fetchone() is None


def test_a_dump_that_dies_is_never_committed(databases: tuple[Secret, Secret], installation: Installation) -> None:
    """pg_dump is killed in the midst: the running database has none of it."""
    copy, running = databases
    with connected(copy) as connection:
        set_aside(connection, Wanted(table="shop.customers"), "recovered")
    with schema_dump(copy, installation, "recovered") as dump:
        dump.kill_group()
        with pytest.raises(PipelineError, match="could not be read"):
            load(dump, running, installation, "customers")
    with connected(running) as connection:
        assert connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'recovered'").fetchone() is None
