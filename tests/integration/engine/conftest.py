"""Real servers of every installed major, a small database of awkward things, and systems around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from dr.configuration.model import EncryptionSettings, PostgresSettings, StoreSettings, System
from dr.postgres.cluster import Recipe, Server, running
from dr.postgres.connection import connected
from dr.postgres.installations import Installation, installed, server_for
from dr.secret import Secret
from tests.cluster_template import new_cluster
from tests.endpoints.fixtures import moto_endpoint
from tests.quick_key import quick_encryption

__all__ = ["moto_endpoint"]

MAJORS = sorted({item.major for item in installed() if item.has_server})
DATABASE = "Läden"
AWKWARD = (
    "CREATE ROLE clerk LOGIN",
    'CREATE ROLE "Frau Müller"',
    'GRANT clerk TO "Frau Müller"',
    """CREATE TABLE users (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name text NOT NULL,
        upper_name text GENERATED ALWAYS AS (upper(name)) STORED
    )""",
    "ALTER TABLE users OWNER TO clerk",
    "INSERT INTO users (name) SELECT 'Größe ' || i FROM generate_series(1, 5000) AS i",
    'CREATE TABLE "odd; Type: TABLE" ("select" text)',
    """INSERT INTO "odd; Type: TABLE"
        VALUES ('-- Name: x; Type: TABLE; Schema: y; Owner: z'), (E'two\\nlines'), ('\\.')""",
    "CREATE TABLE orders (id bigint, placed date) PARTITION BY RANGE (placed)",
    "CREATE TABLE orders_2024 PARTITION OF orders FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')",
    "INSERT INTO orders SELECT i, date '2024-01-01' + i % 365 FROM generate_series(1, 2000) AS i",
    "CREATE TABLE nothing (a int)",
    "CREATE UNLOGGED TABLE fleeting AS SELECT 1 AS a",
    "SELECT lo_from_bytea(0, '\\x00ff'::bytea || 'large object')",
    "CREATE SEQUENCE numbers START 500",
    "SELECT nextval('numbers')",
    "CREATE VIEW big_users AS SELECT * FROM users WHERE id > 100",
)


@dataclass(frozen=True, slots=True)
class Site:
    """A server with an awkward database, its directory, and the programs of its major."""

    server: Server
    installation: Installation
    directory: Path

    @property
    def url(self) -> Secret:
        return self.server.url_for(DATABASE)


def make_site(directory: Path, major: int, settings: dict[str, str] | None = None) -> Iterator[Site]:
    """Run a new cluster of one major with the awkward database in it."""
    installation = server_for(major)
    new_cluster(directory / "data", installation)
    with running(directory / "data", installation, Recipe({"wal_level": "replica", **(settings or {})})) as server:
        with connected(server.url) as connection:
            connection.execute(f'CREATE DATABASE "{DATABASE}"')
            connection.execute(f"ALTER DATABASE \"{DATABASE}\" SET work_mem = '7MB'")
        site = Site(server, installation, directory)
        with connected(site.url) as connection:
            for statement in AWKWARD:
                connection.execute(statement)
        yield site


@pytest.fixture(scope="session", params=MAJORS, ids=lambda major: f"pg{major}")
def any_site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site on every installed major in turn."""
    yield from make_site(tmp_path_factory.mktemp(f"pg{request.param}"), request.param)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site on the newest installed major."""
    yield from make_site(tmp_path_factory.mktemp("newest"), MAJORS[-1])


@pytest.fixture
def system_for(tmp_path: Path) -> Callable[..., System]:
    """Make a system around a server: local store, the key of this run unless another is given."""

    def make(
        url: Secret,
        *stores: StoreSettings,
        name: str = "shop",
        encryption: EncryptionSettings | None = None,
        **postgres: object,
    ) -> System:
        return System(
            name=name,
            postgres=PostgresSettings(url=url, **postgres),  # type: ignore[arg-type]
            stores=stores or (StoreSettings("local", "local", path=tmp_path / "backups"),),
            encryption=encryption or quick_encryption(),
            state_directory=tmp_path / "state",
        )

    return make


@pytest.fixture
def other_server(tmp_path: Path, site: Site) -> Iterator[Server]:
    """An empty server of the same major, to restore dumps into."""
    new_cluster(tmp_path / "other", site.installation)
    with ExitStack() as stack:
        yield stack.enter_context(running(tmp_path / "other", site.installation))
