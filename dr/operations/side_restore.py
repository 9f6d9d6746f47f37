"""Bring one table or schema back beside what is there, into the running database or as an encrypted file (I7).

The restored cluster is only a source here: what is wanted is put aside in it, dumped, and loaded in one transaction
under a schema of its own. Nothing that the application uses is touched.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from dr.catalog.manifest import Compression, Manifest, Role
from dr.configuration.model import System
from dr.crypto.gnupg import opened
from dr.crypto.packets import ENOUGH, parse_envelope
from dr.errors import ConfigurationError, RecoveryFailed, TargetRefused
from dr.evidence.findings import Check
from dr.evidence.phases import Phase, Stopwatch
from dr.operations.check_source import bin_directories, source_url
from dr.operations.plan_recovery import Chosen
from dr.operations.target import DirectoryTarget, parse_target
from dr.operations.wal.replay import replayed
from dr.pipeline.process import is_running
from dr.pipeline.write import ObjectPipeline
from dr.postgres.cluster import Server
from dr.postgres.connection import connected, display_name
from dr.postgres.digests import TableDigest
from dr.postgres.inspection import read_facts
from dr.postgres.installations import client_for
from dr.postgres.schema_copy import digests_of, load, pump, require_free_schema, schema_dump
from dr.postgres.set_aside import Wanted, set_aside
from dr.secret import Secret
from dr.storage.local import LocalStore

logger = logging.getLogger(__name__)

FILE_SUFFIX = ".sql.gz.gpg"


@dataclass(frozen=True, slots=True)
class SideTarget:
    """Where it goes: a new ``schema`` of the database at ``url``, or a new ``file`` with that schema's SQL.

    ``url`` None stands for the system's own address, whose role may lack the right to make a schema.
    """

    schema: str
    file: Path | None = None
    url: Secret | None = None

    def __str__(self) -> str:
        if self.file is not None:
            return f"file {self.file}"
        return f"schema {self.schema} of {display_name(self.url) if self.url else 'the running database'}"

    def address(self, system: System) -> Secret:
        """The database that it goes into."""
        return self.url or source_url(system)


@dataclass(frozen=True, slots=True)
class SideRestored:
    """What was brought back. ``cut`` names ties to other tables that it has lost; ``bytes`` are of SQL.

    ``reached`` is PostgreSQL's own word on where the recovery of the copy ended.
    """

    wanted: str
    target: SideTarget
    tables: tuple[TableDigest, ...]
    cut: tuple[str, ...]
    bytes: int
    checks: tuple[Check, ...]
    phases: tuple[Phase, ...]
    reached: str = ""

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)

    def require(self) -> None:
        """Raise ``RecoveryFailed`` unless what was loaded is what the copy had."""
        failed = [check for check in self.checks if not check.passed]
        if failed:
            raise RecoveryFailed(
                f"{self.target} does not hold what the restored copy had",
                "; ".join(f"{check.name}: {check.detail}" for check in failed),
                f"Do not use it. Drop it (DROP SCHEMA {self.target.schema} CASCADE) and try again.",
            )


def side_target(schema: str, file: str, into: str, now: datetime) -> SideTarget:
    """Read ``--as``, ``--file`` and ``--into``; a schema without a name is called after the moment ``now`` (UTC)."""
    chosen = schema or f"recovered_{now:%Y%m%d_%H%M%S}"
    if file and into:
        raise ConfigurationError("it goes into a database or into a file", hint="Give --into or --file, not both.")
    if not file:
        target = parse_target(into)
        if isinstance(target, DirectoryTarget):
            raise ConfigurationError(
                f"{into!r} is no address of a database", hint="Write postgresql://USER@HOST/NAME, or env:VARIABLE."
            )
        return SideTarget(chosen, url=target.url if target else None)
    path = Path(file).expanduser().absolute()
    if not path.name.endswith(FILE_SUFFIX):
        raise ConfigurationError(
            f"{path.name} does not end in {FILE_SUFFIX}",
            hint="The file is written as a dump is, compressed and encrypted: gpg -d FILE | gunzip | psql.",
        )
    return SideTarget(chosen, path)


def check_side_target(system: System, target: SideTarget) -> None:
    """Refuse what is there already, before anything is fetched."""
    if target.file is None:
        require_free_schema(target.address(system), target.schema)
    elif target.file.exists():
        raise TargetRefused(f"{target.file} exists already", hint="Name a new file.")


@contextmanager
def temporary_copy(system: System) -> Iterator[Path]:
    """A directory on this host for a copy that is only a source; it and what lies beside it are removed afterwards.

    What runs that were killed have left there is removed first: it is the database in plain.
    """
    place = system.state_directory.absolute() / "side"
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in place.iterdir():
        owner = left.name.split("_", 1)[0]
        if owner.isdigit() and not is_running(int(owner)):
            shutil.rmtree(left, ignore_errors=True)
    directory = place / f"{os.getpid()}_{secrets.token_hex(4)}"
    try:
        yield directory
    finally:
        for path in place.glob(f"{directory.name}*"):
            shutil.rmtree(path)


def bring_back(system: System, chosen: Chosen, wanted: Wanted, target: SideTarget) -> SideRestored:
    """Let the restored copy replay up to its point, and take what is wanted out of it."""
    if not isinstance(chosen.target, DirectoryTarget):
        raise TargetRefused("only a base backup can be restored beside", hint="Leave LABEL out, or name a base backup.")
    manifest = chosen.found.manifest
    stopwatch = Stopwatch()
    with ExitStack() as stack:
        with stopwatch.phase("replay and boot"):
            copy = stack.enter_context(replayed(system, manifest, chosen.target.directory, chosen.point))
        brought = side_restore(system, manifest, copy.server, wanted, target)
    return replace(brought, reached=str(copy.reached), phases=(*stopwatch.phases, *brought.phases))


def side_restore(
    system: System, manifest: Manifest, server: Server, wanted: Wanted, target: SideTarget
) -> SideRestored:
    """Take what is wanted out of the running copy ``server`` and bring it to its target, compared on both sides."""
    database = manifest.database.name if manifest.database else "postgres"
    stopwatch = Stopwatch()
    with stopwatch.phase("put aside"), connected(server.url_for(database)) as connection:
        aside = set_aside(connection, wanted, target.schema)
        there = digests_of(connection, target.schema)
    if target.file is not None:
        with stopwatch.phase("write file"):
            size, check = _to_file(system, server, manifest, database, target.file, target.schema)
    else:
        with stopwatch.phase("load"):
            size = _to_database(system, server, database, wanted, target)
        with stopwatch.phase("compare"), connected(target.address(system)) as connection:
            check = _same(there, digests_of(connection, target.schema))
    logger.info("brought %s back into %s: %d tables", wanted, target, len(there))
    return SideRestored(str(wanted), target, tuple(there.values()), aside.dropped, size, (check,), stopwatch.phases)


def _to_database(system: System, server: Server, database: str, wanted: Wanted, target: SideTarget) -> int:
    url = target.address(system)
    client = client_for(read_facts(url).major, bin_directories(system))
    with schema_dump(server.url_for(database), client, target.schema) as dump:
        return load(dump, url, client, f"{wanted} as {target.schema}")


def _to_file(
    system: System, server: Server, manifest: Manifest, database: str, file: Path, schema: str
) -> tuple[int, Check]:
    """Write it as dumps are written, and believe only what is read back."""
    client = client_for(manifest.server_major, bin_directories(system))
    store = LocalStore("file", file.parent)
    with opened(system.encryption) as cipher:
        with (
            schema_dump(server.url_for(database), client, schema) as dump,
            cipher.encryptor(file.name) as encryptor,
            ObjectPipeline(file.name, Role.DUMP, Compression.GZIP, encryptor, {store.name: store}) as pipeline,
        ):
            size = pump(dump, pipeline.write)
            written = pipeline.finish(dump.wait(deadline_seconds=60))
        digest = hashlib.sha256()
        for chunk in store.read(file.name):
            digest.update(chunk)
        cipher.check_envelope(parse_envelope(next(store.read(file.name, ENOUGH)), str(file)), str(file))
    same = digest.hexdigest() == written.record.stored_sha256
    return size, Check("file", same, "encrypted, and read back as written" if same else "reads back different")


def _same(copy: Mapping[str, TableDigest], loaded: Mapping[str, TableDigest]) -> Check:
    different = sorted(name for name in copy.keys() | loaded.keys() if copy.get(name) != loaded.get(name))
    if different:
        return Check("content", False, f"{len(different)} tables differ: {', '.join(different[:10])}")
    rows = sum(item.rows for item in copy.values())
    return Check("content", True, f"{len(copy)} tables, {rows} rows, digests match")


def side_rows(brought: SideRestored) -> list[dict[str, str | int]]:
    """One row per table that came back."""
    return [{"table": table.table, "rows": table.rows, "digest": table.digest} for table in brought.tables]
