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


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Allowed by its configuration, and marked."""
    place = tmp_path_factory.mktemp("simulate") / "shop"
    with product(place, simulation=SimulationSettings(allowed=True)) as made:
        mark(made, "demo")
        with connected(made.superuser_url) as connection:
            # As for whoever keeps the canary: without its rows no loss can be measured.
            connection.execute("GRANT SELECT, INSERT, DELETE ON dr_canary TO backup")
        yield made
