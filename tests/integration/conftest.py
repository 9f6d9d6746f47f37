"""One real PostgreSQL for the tests that need any, reached over TCP with a password, as a production is."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from dr.postgres.cluster import SUPERUSER, Recipe, Server, create_cluster, running
from dr.postgres.connection import connected
from dr.postgres.installations import Installation, installed
from dr.secret import Secret

ROOT = Path(__file__).resolve().parents[2]
ROLE = "keeper"
_ACCESS = f"""
local all {SUPERUSER} trust
host all {SUPERUSER} 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
host replication all 127.0.0.1/32 scram-sha-256
"""
# Nothing of the caller's may reach the tests: neither real databases, nor real buckets, nor a real Prefect.
FOREIGN = (
    "AWS_",
    "PG",
    "PREFECT_",
    "DR_",
    "BACKUP_",
    "DATABASE_URL",
    "NOTIFICATION_",
    "ALERT_",
    "AUTO_CONFIRM",
    "GNUPG",
)


@dataclass(frozen=True, slots=True)
class TestServer:
    """A running server. ``admin`` needs no password, ``role`` does; ``process`` is the postmaster's id."""

    __test__ = False

    server: Server
    port: int
    role: str
    password: Secret

    @property
    def admin(self) -> Secret:
        return self.server.url_for("postgres")

    def url(self, database: str, password: str | None = None) -> str:
        """The address for ``role`` as an operator would write it."""
        return f"postgresql://{self.role}:{password or self.password.reveal()}@127.0.0.1:{self.port}/{database}"


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def installation() -> Installation:
    """The newest server that is installed."""
    return max((item for item in installed() if item.has_server), key=lambda item: item.major)


@pytest.fixture(scope="session")
def server(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestServer]:
    """A cluster of our own that listens on the loopback address."""
    directory = tmp_path_factory.mktemp("cluster") / "data"
    create_cluster(directory, installation)
    password = secrets.token_hex(12)
    with running(directory, installation) as sandbox, connected(sandbox.url_for("postgres")) as connection:
        statement = f"CREATE ROLE {ROLE} LOGIN SUPERUSER REPLICATION PASSWORD '{password}'"
        connection.execute(statement.encode())
    (directory / "pg_hba.conf").write_text(_ACCESS, encoding="utf-8")
    port = free_port()
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "fsync": "off",
        "max_wal_senders": "4",
    }
    with running(directory, installation, Recipe(settings, isolated=False)) as started:
        yield TestServer(started, port, ROLE, Secret(password))


@contextmanager
def made_database(server: TestServer) -> Iterator[str]:
    """A database of its own: two tables, one with a name that wants quoting."""
    name = f"shop_{secrets.token_hex(4)}"
    with connected(server.admin) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    with connected(server.server.url_for(name)) as connection:
        connection.execute(
            "CREATE TABLE customers AS SELECT i AS id, md5(i::text) AS name FROM generate_series(1, 2000) AS i"
        )
        connection.execute('CREATE TABLE "Bestellungen ü" AS SELECT i AS id FROM generate_series(1, 500) AS i')
    yield name
    with connected(server.admin) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def operator_environment(server: TestServer, database: str, directory: Path) -> dict[str, str]:
    """The environment of an operator whose system is ``database``, with a local store and a passphrase."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": server.url(database),
        "BACKUP_ENCRYPTION_KEY": secrets.token_hex(16),
        "DR_BACKUP_ROOT": str(directory / "backups"),
        "DR_STATE_DIRECTORY": str(directory / "state"),
        "DR_RETRY_BASE_SECONDS": "0.05",
    }


@pytest.fixture
def small_database(server: TestServer) -> Iterator[str]:
    """A database for one test alone."""
    with made_database(server) as name:
        yield name


@pytest.fixture
def system_environment(server: TestServer, small_database: str, tmp_path: Path) -> dict[str, str]:
    """The environment of a system for one test alone."""
    return operator_environment(server, small_database, tmp_path)
