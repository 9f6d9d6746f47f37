"""Erase again, in a restored database, everybody who was erased since: until then the restore is not done (I32)."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from dr.catalog.erasures import ErasureEntry
from dr.configuration.model import System
from dr.crypto.gnupg import opened
from dr.errors import RecoveryFailed, SourceError, StoreError
from dr.operations.check_source import source_url
from dr.operations.erasure.copies import fetch, list_copies
from dr.operations.erasure.file import read_ledger
from dr.operations.erasure.statements import PARAMETER, ErasureFile, ErasureStatements, read_statements
from dr.operations.repositories import open_repository
from dr.postgres.connection import with_database
from dr.postgres.erase import Ran, erase_in
from dr.postgres.named_parameter import Statement
from dr.secret import Secret

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Erased:
    """How many people were erased (again), by how many statements, and how many rows that changed.

    ``notes`` name stores whose copy of the ledger could not be read.
    """

    subjects: int
    statements: int
    rows: int
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.subjects:
            return "nobody is known to have asked to be forgotten"
        return f"{self.subjects} people erased again, {self.rows} rows; the checks find none of them"


def re_erase(system: System, url: Secret) -> Erased:
    """Erase all subjects of the ledger in the database at ``url`` and check that none is there.

    All, not only those since the restored moment: a second erasure of somebody who is gone does nothing. Raises
    ``RecoveryFailed`` when somebody is still there, when a statement fails, or when the ledger cannot be read.
    """
    entries, notes = all_entries(system)
    if not entries:
        return Erased(0, 0, 0, notes)
    subjects = tuple(dict.fromkeys(entry.subject for entry in entries))
    found = read_statements(system.procedures.erasure.statements)
    ran = run_statements(system, url, subjects, found)
    logger.info("%d people erased again: %d rows", len(subjects), ran.rows)
    return Erased(len(subjects), ran.statements, ran.rows, notes)


def re_erase_running(system: System) -> Erased:
    """The same in production's own database, as the role that may erase; nothing where erasures are not configured.

    For who was erased while a copy was made, or in the database that is given up for an older one.
    """
    settings = system.procedures.erasure
    if settings.ledger is None and settings.statements is None:
        return Erased(0, 0, 0)
    return re_erase(system, settings.database_url or source_url(system))


def all_entries(system: System) -> tuple[tuple[ErasureEntry, ...], tuple[str, ...]]:
    """The ledger of this host together with what the stores have of it; and which stores did not answer.

    Raises ``RecoveryFailed`` when nobody knows who was forgotten: this host has no ledger, and a store that may have
    the only entry does not answer. Where the configuration knows of no erasures at all, one store that answers is
    enough: whoever never erased anybody is not kept from recovering by the loss of a store.
    """
    settings = system.procedures.erasure
    file = settings.ledger
    own = read_ledger(file) if file is not None else ()
    told = file is not None and file.exists()
    forgets = file is not None or settings.statements is not None
    stores = tuple(open_repository(system).stores.values())
    copies = list_copies(system.name, stores)
    if copies.silent and not told and (forgets or not copies.ids):
        raise _unknown(copies.silent)
    missing = sorted(copies.all - {entry.id for entry in own})
    entries = own
    if missing:
        with opened(system.encryption) as cipher:
            entries = (*own, *fetch(system.name, missing, stores, copies, cipher))
    notes = tuple(
        f"store {name} was not asked for its copy of the ledger of erasures: {error.message}"
        for name, error in copies.silent.items()
    )
    return tuple(sorted(entries, key=lambda entry: (entry.erased_at, entry.id))), notes


def run_statements(system: System, url: Secret, subjects: tuple[str, ...], found: ErasureStatements) -> Ran:
    """In each database that the files name. Raises ``RecoveryFailed`` when a check finds somebody."""
    ran = [_run_in(system, url, database, subjects, found) for database in found.databases]
    left = tuple(name for item in ran for name in item.left)
    if left:
        raise RecoveryFailed(
            f"people who were erased are still there, by {', '.join(left)}",
            detail="nothing was changed in that database",
            hint="Mend the statements in erasure.statements, and run it again. Until then it must not be used (I32).",
        )
    return Ran(sum(item.statements for item in ran), sum(item.rows for item in ran), ())


def _run_in(system: System, url: Secret, database: str, subjects: tuple[str, ...], found: ErasureStatements) -> Ran:
    where = with_database(url, database) if database else url
    try:
        return erase_in(
            where,
            subjects,
            _of(database, found.erasing),
            _of(database, found.checks),
            PARAMETER,
            system.procedures.erasure.timeout_minutes * 60,
        )
    except SourceError as error:
        if error.retryable:
            raise
        # Its detail may quote the very rows that are to be forgotten.
        state = getattr(error.__cause__, "sqlstate", None) or "no code"
        raise RecoveryFailed(
            f"a statement of erasure.statements fails in {database or 'the database'} (SQLSTATE {state})",
            hint="Run it there by hand to see PostgreSQL's message, mend the file, and run this again (I32).",
        ) from None


def _of(database: str, files: Iterable[ErasureFile]) -> list[tuple[str, Statement]]:
    return [(file.name, item) for file in files if file.database == database for item in file.statements]


def _unknown(silent: dict[str, StoreError]) -> RecoveryFailed:
    return RecoveryFailed(
        "nobody here knows who asked to be forgotten: this host has no ledger, and not every store answers",
        detail="; ".join(f"{name}: {error.message}" for name, error in silent.items()),
        hint="Make the stores answer, or bring erasure.ledger back, and run it again (I32). Where it is known that"
        " nobody has asked, an empty file at erasure.ledger says so.",
    )
