"""Real servers of every installed major that can be killed and begun again, and systems around them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dr.configuration.model import StoreSettings
from tests.endpoints.fixtures import moto_endpoint
from tests.integration.wal.plant import Plant, Site, SiteOf, majors, new_plant
from tests.unit.crypto.keyrings import People, people

__all__ = ["moto_endpoint", "people"]


@pytest.fixture(params=majors(), ids=lambda major: f"pg{major}")
def any_plant(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Plant]:
    """A server of its own for one test, on every installed major in turn."""
    with new_plant(tmp_path / f"server{request.param}", request.param) as plant:
        yield plant


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    """A server of its own for one test, of the newest installed major."""
    with new_plant(tmp_path / "server", majors()[-1]) as made:
        yield made


@pytest.fixture
def site(plant: Plant, people: People, tmp_path: Path) -> Site:
    """A system around the newest server: one local store, encrypted to a public key."""
    return Site(plant, people, tmp_path, (StoreSettings("local", "local", path=tmp_path / "backups"),))


@pytest.fixture
def site_of(people: People, tmp_path: Path) -> SiteOf:
    """A system around any server."""

    def make(plant: Plant) -> Site:
        return Site(plant, people, tmp_path, (StoreSettings("local", "local", path=tmp_path / "backups"),))

    return make
