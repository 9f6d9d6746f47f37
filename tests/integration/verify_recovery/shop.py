"""A small product's database to recover, break and mend: one server, and the system around it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from dr.catalog.expected import Expected
from dr.configuration.model import StoreSettings, System
from dr.configuration.procedures import ProcedureSettings
from dr.operations.verify_recovery.verified import VerifiedRecovery
from dr.operations.verify_recovery.verify import ask_recovered
from dr.policy.recovered_state import Finding, Said
from dr.postgres import canary
from dr.postgres.connection import connected
from tests.integration.wal.plant import Plant, Site, new_plant
from tests.unit.crypto.keyrings import People

SECONDS = 30.0
CONTENT = (
    "CREATE ROLE office NOLOGIN",
    "CREATE ROLE clerk LOGIN",
    "GRANT office TO clerk",
    "CREATE TABLE customers (id bigserial PRIMARY KEY, name text)",
    "INSERT INTO customers (name) SELECT 'c' || g FROM generate_series(1, 300) g",
    "CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer bigint NOT NULL, note text)",
    "INSERT INTO orders (customer, note) SELECT 1 + g % 300, 'n' || g FROM generate_series(1, 1000) g",
    "ALTER TABLE orders ADD CONSTRAINT of_customer FOREIGN KEY (customer) REFERENCES customers (id)",
    "CREATE SEQUENCE invoice_number START 5000 INCREMENT -5 MINVALUE 5 MAXVALUE 5000",
    "CREATE TABLE invoices (number int DEFAULT nextval('invoice_number'), total numeric)",
    "INSERT INTO invoices (total) SELECT g FROM generate_series(1, 20) g",
    "CREATE TABLE lines (day date, amount int) PARTITION BY RANGE (day)",
    "CREATE TABLE lines_2026 PARTITION OF lines FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
    "INSERT INTO lines SELECT '2026-03-01', g FROM generate_series(1, 50) g",
    "CREATE UNLOGGED TABLE hits (id int)",
    "INSERT INTO hits VALUES (1), (2)",
    "CREATE MATERIALIZED VIEW totals AS SELECT customer, count(*) AS n FROM orders GROUP BY customer",
    "CREATE INDEX orders_note ON orders (note)",
    "GRANT SELECT ON orders TO office",
)


@contextmanager
def new_shop(directory: Path, major: int, people: People) -> Iterator[Site]:
    """A server of that major with content, and a system around it with one local store. No WAL is kept."""
    with new_plant(directory / "server", major) as plant:
        with connected(plant.url) as connection:
            for statement in CONTENT:
                connection.execute(statement.encode())
            canary.create_table(connection)
            canary.beat(connection)
        yield site_in(directory, plant, people)


def site_in(directory: Path, plant: Plant, people: People) -> Site:
    """The system around a server."""
    return Site(plant, people, directory, (StoreSettings("local", "local", path=directory / "backups"),))


def with_procedures(system: System, **sections: object) -> System:
    """The same system with these sections of its procedures."""
    return replace(system, procedures=replace(ProcedureSettings(), **sections))  # type: ignore[arg-type]


def asked(system: System, expected: Expected | None = None, seconds: float = SECONDS) -> VerifiedRecovery:
    """Everything but the backup and the WAL."""
    return ask_recovered(system, expected=expected, seconds=seconds)


def finding(found: VerifiedRecovery, name: str) -> Finding:
    """The one answer to a question."""
    (only,) = (item for item in found.findings if item.name == name)
    return only


def said(found: VerifiedRecovery, name: str) -> Said:
    """How it was answered."""
    return finding(found, name).said


def failed(found: VerifiedRecovery) -> set[str]:
    """The names of all that failed: a break must not pull others along."""
    return {item.name for item in found.findings if item.said is Said.FAILED}
