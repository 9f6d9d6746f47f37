"""Before a damaged database is replaced: copy out of it what can still be read, table by table.

It goes into encrypted files on this host (``gpg -d FILE | gunzip | psql``), never in plain, and never into the stores,
where somebody might take it for a backup. The data directory itself is kept as well; this is for who wants rows of it.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dr.catalog.manifest import Compression, Role
from dr.configuration.model import System
from dr.crypto.gnupg import opened
from dr.errors import DrError, SourceError, StoreFull
from dr.operations.check_source import bin_directories, source_url
from dr.pipeline.process import run
from dr.pipeline.write import ObjectPipeline
from dr.postgres.account import make_directory
from dr.postgres.connection import client_environment, connected, with_database
from dr.postgres.dump import LOCK_WAIT
from dr.postgres.inspection import read_facts
from dr.postgres.installations import Installation, client_for
from dr.postgres.queries import query
from dr.postgres.salvage import SavedTable, TableToSave, save_table, tables_to_save
from dr.secret import Secret
from dr.storage.local import LocalStore

logger = logging.getLogger(__name__)

SUFFIX = ".sql.gz.gpg"
_ENOUGH = 1.1


@dataclass(frozen=True, slots=True)
class SavedDatabase:
    """One database's file, and what could be got of each table."""

    database: str
    file: str
    stored_bytes: int
    tables: tuple[SavedTable, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EmergencyCopy:
    """``made`` False: there is none, and ``why`` says for which reason."""

    made: bool
    why: str = ""
    directory: str = ""
    databases: tuple[SavedDatabase, ...] = ()

    @property
    def rows(self) -> int:
        return sum(table.rows for item in self.databases for table in item.tables)

    @property
    def incomplete(self) -> tuple[SavedTable, ...]:
        """The tables of which rows are missing."""
        return tuple(table for item in self.databases for table in item.tables if not table.whole)

    def lines(self) -> tuple[str, ...]:
        """As a person reads it."""
        if not self.made:
            return (f"no emergency copy: {self.why}",)
        count = sum(len(item.tables) for item in self.databases)
        return (
            f"emergency copy in {self.directory}: {self.rows} rows of {count} tables",
            *(f"{item.table}: {item.rows} rows, {_lacking(item)}" for item in self.incomplete),
            *(note for item in self.databases for note in item.notes),
        )


def working_directory(system: System) -> Path:
    """Where recoveries of a system work on this host."""
    settings = system.procedures.recovery
    return ((settings.directory or system.state_directory / "recovery") / system.name).absolute()


def make_emergency_copy(system: System, begun: datetime, declined: str = "") -> EmergencyCopy:
    """Copy every table of every database that can be connected to, within ``recovery.emergency_minutes``.

    ``declined`` is somebody's reason for doing without. Raises ``StoreFull`` when the space cannot suffice: what then
    happens is for a person to decide.
    """
    if declined:
        return EmergencyCopy(False, f"declined: {declined}")
    url = source_url(system)
    try:
        facts = read_facts(url)
        databases = _databases(url)
        client = client_for(facts.major, bin_directories(system))
    except SourceError as error:
        return EmergencyCopy(False, f"the server does not answer ({error.message}); its data directory is kept aside")
    directory = working_directory(system) / f"emergency_{begun:%Y%m%d_%H%M%S}"
    _require_space(directory, sum(databases.values()))
    make_directory(directory)
    deadline = time.monotonic() + system.procedures.recovery.emergency_minutes * 60
    saved = tuple(_save(system, with_database(url, name), name, directory, client, deadline) for name in databases)
    made = EmergencyCopy(True, directory=str(directory), databases=saved)
    for line in made.lines():
        logger.info("%s", line)
    return made


def _databases(url: Secret) -> dict[str, int]:
    """Their sizes in bytes."""
    with connected(url) as connection:
        names = [row["datname"] for row in connection.execute(query("open_databases"))]
        sizes = "SELECT datname, pg_database_size(oid) AS size FROM pg_database WHERE datname = ANY(%s)"
        found = {row["datname"]: row["size"] for row in connection.execute(sizes, (names,))}
    return {name: found[name] for name in names}


def _require_space(directory: Path, wanted: int) -> None:
    """As much as the databases have now: how well rows pack is not known, and half a copy fills the disk for all."""
    parent = next(path for path in (directory, *directory.parents) if path.exists())
    free = shutil.disk_usage(parent).free
    if free < wanted * _ENOUGH:
        raise StoreFull(
            f"an emergency copy may need {wanted * _ENOUGH / 1e9:.2f} GB in {parent}, and {free / 1e9:.2f} are free",
            hint="Free space, set recovery.directory elsewhere, or do without and say why: --no-emergency-copy REASON."
            " The data directory is kept aside in any case.",
        )


def _save(
    system: System, url: Secret, database: str, directory: Path, client: Installation, deadline: float
) -> SavedDatabase:
    store = LocalStore("emergency", directory)
    name = f"{_file_name(database)}{SUFFIX}"
    notes: list[str] = []
    with (
        opened(system.encryption) as cipher,
        cipher.encryptor(name) as encryptor,
        ObjectPipeline(name, Role.DUMP, Compression.GZIP, encryptor, {store.name: store}) as pipeline,
    ):
        pipeline.write(b"SET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\n")
        pipeline.write(_definitions("pre-data", url, client, notes))
        tables = _save_tables(url, pipeline.write, deadline, notes)
        pipeline.write(_definitions("post-data", url, client, notes))
        written = pipeline.finish()
    shown = tuple(f"{database}: {note}" for note in notes)
    return SavedDatabase(database, str(directory / name), written.record.stored_bytes, tables, shown)


def _save_tables(
    url: Secret, write: Callable[[bytes], object], deadline: float, notes: list[str]
) -> tuple[SavedTable, ...]:
    """One connection after the other: a server that goes away at one table may come back for the next."""
    saved: list[SavedTable] = []
    tables: tuple[TableToSave, ...] = ()
    try:
        with connected(url) as connection:
            tables = tables_to_save(connection)
            connection.execute("SET client_encoding = 'UTF8'; SET lock_timeout = '5s'; SET row_security = off")
            for table in tables:
                saved.append(save_table(connection, table, write, deadline))
    except SourceError as error:
        notes.append(f"the server went away after {len(saved)} of {len(tables)} tables: {error.message} {error.detail}")
        saved += [SavedTable(table.shown, said="the server had gone away") for table in tables[len(saved) :]]
    return tuple(saved)


def _definitions(section: str, url: Secret, client: Installation, notes: list[str]) -> bytes:
    """The schema as pg_dump writes it; where the catalogs are broken there is none, and rows are saved all the same."""
    argv = (client.program("pg_dump"), f"--section={section}", "--schema-only", "--no-password", LOCK_WAIT)
    try:
        ended, text = run("pg_dump", argv, environment=client_environment(url), deadline_seconds=120)
    except DrError as error:
        notes.append(f"no {section}: {error.message}")
        return b""
    if not ended.ok:
        notes.append(f"no {section}: {' '.join(ended.stderr.split())[:300]}")
        return b""
    return text.encode()


def _file_name(database: str) -> str:
    """A database may be called anything."""
    return "".join(letter if letter.isalnum() or letter in "-_" else f"%{ord(letter):02X}" for letter in database)


def _lacking(item: SavedTable) -> str:
    reasons = []
    if item.skipped:
        reasons.append(f"{item.skipped} places could not be read")
    if item.cut:
        reasons.append("cut off when the time was up")
    if item.said:
        reasons.append(item.said)
    return "; ".join(reasons)
