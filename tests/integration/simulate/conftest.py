"""A whole product that says of itself that it is there to be broken."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from psycopg import sql

from dr.configuration.procedures.simulation import SimulationSettings
from dr.postgres.connection import connected
from tests.scenarios.product import Product, product


def mark(shop: Product, name: str) -> None:
    """Have the database say that it is the test system of that name; "" takes the mark away."""
    with connected(shop.superuser_url) as connection:
        if name:
            connection.execute(sql.SQL("ALTER DATABASE shop SET dr.test_system = {}").format(sql.Literal(name)))
        else:
            connection.execute("ALTER DATABASE shop RESET dr.test_system")


def make_breakable(made: Product) -> None:
    """The database's own word, and the rights of whoever keeps the canary: without its rows no loss is measured."""
    mark(made, "demo")
    with connected(made.superuser_url) as connection:
        connection.execute("GRANT SELECT, INSERT, DELETE ON dr_canary TO backup")


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Allowed by its configuration, and marked."""
    place = tmp_path_factory.mktemp("simulate") / "shop"
    with product(place, simulation=SimulationSettings(allowed=True)) as made:
        make_breakable(made)
        yield made
