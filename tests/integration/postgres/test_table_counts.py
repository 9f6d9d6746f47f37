"""Whoever reads two figures for one thing believes neither: the checks and the scoreboard count tables alike."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dr.catalog.labels import Kind, Label
from dr.catalog.manifest import Contents, TableRows
from dr.operations.check_recovery import check_database
from dr.postgres.connection import connected
from dr.postgres.inspection import dumped_tables
from dr.secret import Secret
from tests.integration.conftest import TestServer, made_database
from tests.unit.catalog.examples import manifest


@pytest.mark.parametrize("unnamed", [0, 1])
def test_partitioned_tables_are_counted_in_both_places(server: TestServer, unnamed: int) -> None:
    """Parents have no rows of their own; a table that the backup did not name is told apart."""
    with made_database(server) as database:
        url = Secret(server.url(database))
        with connected(url) as connection:
            connection.execute("CREATE TABLE sales (id int) PARTITION BY RANGE (id)")
            connection.execute("CREATE TABLE sales_1 PARTITION OF sales FOR VALUES FROM (0) TO (10)")
            tables = [TableRows(table.name, 0) for table in dumped_tables(connection)]
            for number in range(unnamed):
                connection.execute(f"CREATE TABLE later_{number} (id int)".encode())
        label = Label(datetime(2024, 1, 1, 2, tzinfo=UTC), Kind.DUMP)
        made = manifest(label, table_estimates=tuple(tables), contents=Contents((), 0, ""))

        checked = check_database(made, url)

    (told,) = (check.detail for check in checked.checks if check.name == "tables")
    assert checked.tables == 4 + unnamed
    assert told == ("all 4 there, and 1 that the backup did not name" if unnamed else "all 4 there")
