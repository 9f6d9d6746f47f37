"""A story on every installed major: two base backups, transactions before, between and after them, a restore point."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.configuration.model import PostgresSettings, StoreSettings, System
from dr.postgres.installations import Installation, installed, server_for
from dr.secret import Secret
from tests.cluster_template import new_cluster
from tests.integration.engine.procedures import make
from tests.integration.pitr.shelf import Moment, Primary, primary, put_archive
from tests.quick_key import quick_encryption

MAJORS = sorted({item.major for item in installed() if item.has_server})
POINT = "before the Größe; of things"


def system_in(directory: Path, url: Secret, *stores: StoreSettings, **other: object) -> System:
    """A system with the key of this run, and one local store unless others are given."""
    return System(
        name="shop",
        postgres=PostgresSettings(url=url),
        stores=stores or (StoreSettings("local", "local", path=directory / "backups"),),
        state_directory=directory / "state",
        **{"encryption": quick_encryption(), **other},  # type: ignore[arg-type]
    )


@dataclass(frozen=True, slots=True)
class Story:
    """What was committed, and where the backups were taken: after ``first`` and after ``second``."""

    system: System
    installation: Installation
    origin: Primary
    bases: tuple[str, str]
    first: list[Moment]
    second: list[Moment]
    third: list[Moment]
    fourth: list[Moment]

    @property
    def all(self) -> list[Moment]:
        return [*self.first, *self.second, *self.third, *self.fourth]

    def ids(self, *parts: list[Moment]) -> list[int]:
        """Ids of whole parts."""
        return [moment.id for part in parts for moment in part]


@dataclass(frozen=True, slots=True)
class Site:
    """A running primary and a system around it, for one test to spoil."""

    system: System
    origin: Primary
    installation: Installation


def tell(directory: Path, major: int) -> Iterator[Story]:
    """Four parts: the first before any backup, the third and fourth behind the newest, a restore point between them."""
    installation = server_for(major)
    new_cluster(directory / "data", installation)
    with primary(directory / "data", installation, directory / "archive") as origin:
        origin.prepare()
        system = system_in(directory, origin.server.url)
        first = origin.commit(3)
        older = make(system, Kind.BASE)
        second = origin.commit(4)
        origin.switch()
        newer = make(system, Kind.BASE)
        third = origin.commit(4)
        origin.switch()
        third += origin.commit(2)
        origin.execute(f"SELECT pg_create_restore_point('{POINT}')")
        fourth = origin.commit(3)
        origin.switch()
        put_archive(system, origin)
        yield Story(system, installation, origin, (older.label, newer.label), first, second, third, fourth)


@pytest.fixture(scope="session", params=MAJORS, ids=lambda major: f"pg{major}")
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The story on every installed major in turn."""
    yield from tell(tmp_path_factory.mktemp(f"story{request.param}"), request.param)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """A primary of its own on the newest major; the system's stores and other settings are the caller's."""
    installation = server_for(MAJORS[-1])
    new_cluster(tmp_path / "data", installation)
    with primary(tmp_path / "data", installation, tmp_path / "archive") as origin:
        origin.prepare()
        yield lambda *stores, **other: Site(
            system_in(tmp_path, origin.server.url, *stores, **other), origin, installation
        )
