"""What the recovered system is compared with: a baseline, a backup that somebody names, or the newest that fits.

A backup that was taken after the recovered moment would call lost what was never to come back, and one that was taken
since the recovery would call whole whatever came back. So, where the cluster is the same, only those count that lie on
the line of WAL which the server is on, and before its timeline began.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from dr.catalog.expected import Expected, Rights, from_json
from dr.catalog.labels import Kind
from dr.catalog.manifest import Manifest, Role
from dr.configuration.model import System
from dr.crypto.gnupg import opened
from dr.errors import BackupInvalid, BackupNotFound, ConfigurationError, DrError, KeyUnusable, StoreError
from dr.operations.find_backup import Found, find_backup, source_stores
from dr.operations.objects_back import from_first_whole_copy, reading
from dr.operations.repositories import open_repository
from dr.operations.verify_recovery.lineage import Line, line_of
from dr.postgres.rights import rights_in
from dr.storage.protocol import Store
from dr.storage.repository import Backup, Repository

logger = logging.getLogger(__name__)

NOTHING = "none"
_SERVER_SECONDS = 60.0
"""Behind it a server that hangs is not waited for: that it does is another question's answer."""


def find_expectation(
    system: System, against: str = "", shrink_percent: float = 0.0, *, server_seconds: float = _SERVER_SECONDS
) -> Expected | None:
    """``against`` is a baseline's file, a label, ``none``, or empty for the newest backup that fits.

    None when nothing is known, or wanted. Raises ``BackupNotFound`` or ``ConfigurationError`` for what was named.
    ``server_seconds`` is how long the server may take to say where it is.
    """
    if not 0 <= shrink_percent <= 100:
        raise ConfigurationError(f"a table cannot lose {shrink_percent} % of its rows", hint="Give 0 to 100.")
    if against == NOTHING:
        return None
    expected = _named(system, against) if against else _newest(system, server_seconds)
    return replace(expected, shrink_percent=shrink_percent) if expected is not None else None


def _named(system: System, against: str) -> Expected:
    file = Path(against).expanduser()
    if file.is_file() and not file.name.endswith(".gpg"):
        try:
            return from_json(file.read_bytes(), str(file))
        except OSError as error:
            raise ConfigurationError(f"{file} cannot be read", error.strerror or str(error)) from error
    found = find_backup(system, against, None)
    if found.manifest.point is not None:
        position = found.manifest.point.database
        label = (position.dump or position.base) if position is not None else ""
        if not label:
            raise BackupNotFound(f"{against} has no backup of the database", hint="Name another: dr points.")
        found = find_backup(system, label, None)
    if found.manifest.kind not in (Kind.DUMP, Kind.BASE):
        raise BackupNotFound(f"{against} is no backup of the database", hint="Name a dump, a base backup or a point.")
    return expected_of(system, found)


def _newest(system: System, server_seconds: float) -> Expected | None:
    try:
        line = line_of(system, server_seconds)
        backup = fitting(open_repository(system), line)
        return expected_of(system, Found(backup.manifest, backup.stores)) if backup is not None else None
    except DrError as error:
        logger.warning("nothing to compare the recovered system with: %s", error.message)
    return None


def fitting(repository: Repository, line: Line) -> Backup | None:
    """The newest from before the recovery. A cluster of which no recovery shows is compared with its own newest."""
    backup = None
    if not line.is_first or _is_successor(repository, line):
        backup = _first(repository, lambda item: line.holds(item) and not line.may_be_since(item))
    return _first(repository, line.holds) if backup is None and line.is_first else backup


def _first(repository: Repository, fits: Callable[[Manifest], bool]) -> Backup | None:
    """A dump if there is one, for its rows are counted; else a base backup."""
    for kind in (Kind.DUMP, Kind.BASE):
        for backup in repository.newest_first([kind]):
            if fits(backup.manifest):
                return backup
    return None


def _is_successor(repository: Repository, line: Line) -> bool:
    """Whether the oldest backup is of another cluster: the others' manifests need not be read for knowing that."""
    names = repository.names()
    for label, holders in sorted(names.all((Kind.DUMP, Kind.BASE)).items()):
        oldest = names.read(label, holders, [])
        if oldest is not None:
            return oldest.manifest.system_identifier != line.system_identifier
    return False


def expected_of(system: System, found: Found) -> Expected:
    """What a backup's manifest says, and its globals where they can be opened here."""
    manifest = found.manifest
    counted = manifest.contents.tables if manifest.contents is not None else ()
    known = {table.name for table in counted}
    named = tuple(table for table in manifest.table_estimates if table.name not in known)
    rights, notes = _rights(system, found)
    return Expected(
        origin=manifest.label,
        system=manifest.system,
        taken=manifest.begin,
        system_identifier=manifest.system_identifier,
        database=manifest.database.name if manifest.database else "",
        timeline=manifest.snapshot.timeline if manifest.snapshot else manifest.timeline,
        # Beside the counted ones: partitioned tables, which have no rows of their own.
        tables=(*counted, *(replace(item, rows=0) for item in named)) if counted else named,
        exact=bool(counted),
        extensions=_extensions(manifest),
        rights=rights,
        notes=notes,
    )


def _extensions(manifest: Manifest) -> dict[str, str] | None:
    known = manifest.database.extensions if manifest.database else None
    return dict(known) if known is not None else None


def _rights(system: System, found: Found) -> tuple[Rights | None, tuple[str, ...]]:
    item = found.manifest.object_of(Role.GLOBALS)
    if item is None:
        return None, ()

    def attempt(store: Store) -> str:
        with reading(store, item, cipher) as reader:
            text = b"".join(reader).decode()
            reader.finish()
        return text

    try:
        with opened(system.encryption) as cipher:
            text, _ = from_first_whole_copy(source_stores(system, found), attempt, lambda: None)
    except (BackupInvalid, KeyUnusable, StoreError) as error:
        return None, (f"roles are not compared: the globals of {found.manifest.label} cannot be read: {error.message}",)
    return rights_in(text), ()
