"""A dump and a cluster recovered to its snapshot say the same, however busy the server was; if not, which table."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from dr.catalog.labels import Kind
from dr.catalog.manifest import TableRows
from dr.policy.drill_draw import DrillRequest
from dr.policy.drill_method import Method
from dr.policy.drill_verdict import Verdict
from dr.postgres.connection import connected
from dr.postgres.snapshots import ended_since
from tests.integration.drill.site import Production, answers, drill
from tests.integration.drill.spoiling import Shelf
from tests.integration.engine.procedures import make

pytestmark = pytest.mark.timeout(200)
Site = Callable[..., Production]
RECONCILE = DrillRequest(method=Method.RECONCILE)


@contextmanager
def writing(made: Production, writers: int = 2) -> Iterator[None]:
    """Rows come, change and go all the while, each in a transaction of its own."""
    stop = threading.Event()
    written: list[int] = []

    def write(number: int) -> None:
        with connected(made.origin.server.url) as connection:
            while not stop.is_set():
                connection.execute("UPDATE orders SET note = note || 'x' WHERE id %% 50 = %s", (number,))
                connection.execute("INSERT INTO empty VALUES (%s)", (number,))
                written.append(number)
                connection.execute("DELETE FROM empty WHERE ctid IN (SELECT ctid FROM empty LIMIT 1)")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert set(written) == set(range(writers)), "a writer did not write"


def test_under_load_both_say_the_same(site: Site) -> None:
    """Five dumps of a busy server, one after the other: none is red, and most are compared."""
    made = site()
    made.base = make(made.system, Kind.BASE).label
    with writing(made):
        labels = [make(made.system, Kind.DUMP).label for _ in range(5)]
    made.ship()

    records = [drill(made.system, replace(RECONCILE, backup=label)) for label in labels]

    assert {record.verdict for record in records} == {Verdict.RECOVERABLE}, [record.reasons for record in records]
    compared = [answers(record).get("reconcile: contents") for record in records]
    assert compared.count("passed") >= 3, compared


def test_a_transaction_that_is_open_all_the_while_is_in_neither(site: Site) -> None:
    """It began before the dump and is committed after it."""
    made = site()
    made.base = make(made.system, Kind.BASE).label
    with connected(made.origin.server.url, autocommit=False) as connection:
        connection.execute("INSERT INTO orders VALUES (100000, 'late', '')")
        dump = make(made.system, Kind.DUMP).label
        connection.commit()
    made.ship()

    record = drill(made.system, replace(RECONCILE, backup=dump))

    assert answers(record)["reconcile: contents"] == "passed", record.probes


def test_a_row_that_only_one_of_them_has_is_red(site: Site) -> None:
    """With the table's name, and what differs."""
    made = site()
    made.back_up()
    shelf = Shelf(made.system, made.dump, made.base)
    manifest = shelf.manifest(made.dump)
    assert manifest.contents is not None
    tables = tuple(
        TableRows(item.name, item.rows + 1, item.digest) if item.name == "public.orders" else item
        for item in manifest.contents.tables
    )
    shelf.rewrite(replace(manifest, contents=replace(manifest.contents, tables=tables)))

    record = drill(made.system, RECONCILE)

    assert record.verdict == Verdict.NOT_RECOVERABLE
    assert "public.orders: 500 rows instead of 501" in record.reasons[0]


def test_transactions_that_ended_in_between_are_named(site: Site) -> None:
    """By the snapshot as PostgreSQL writes it, asked of a server that has them."""
    made = site()
    with connected(made.origin.server.url) as connection:
        row = connection.execute("SELECT pg_current_snapshot()::text AS seen").fetchone()
        assert row is not None
        made.origin.commit(2)

    found = ended_since(made.origin.server.url, row["seen"])

    assert len(found) == 2
    assert min(found) >= int(row["seen"].split(":")[1])
