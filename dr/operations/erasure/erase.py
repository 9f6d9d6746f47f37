"""Forget one person now, and note it where no restore of the database undoes it."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dr.catalog.erasures import ErasureEntry
from dr.configuration.model import System
from dr.crypto.gnupg import opened
from dr.errors import ConfigurationError, StoreError
from dr.operations.check_source import source_url
from dr.operations.erasure.copies import list_copies, put
from dr.operations.erasure.file import append, read_ledger
from dr.operations.erasure.re_erase import run_statements
from dr.operations.erasure.statements import read_statements
from dr.operations.repositories import open_repository

logger = logging.getLogger(__name__)
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Forgotten:
    """One person's erasure. ``known``: he was in the ledger already. ``problems`` are stores that lack his entry."""

    id: str
    known: bool
    statements: int
    rows: int
    stores: tuple[str, ...]
    problems: tuple[str, ...]


def erase(system: System, subject: str, reason: str = "") -> Forgotten:
    """Erase ``subject`` in the protected database, and enter him into the ledger and its copies.

    The ledger comes first: somebody who was erased and not noted would come back with the next restore. Somebody who
    was noted and not erased is erased by the next call, which enters nobody twice.
    """
    file = _ledger(system)
    if not subject.strip() or len(subject) > _LONGEST or "\0" in subject:
        raise ConfigurationError("a subject is one key of a person", hint="Give it as the statements expect it.")
    found = read_statements(system.procedures.erasure.statements)
    url = system.procedures.erasure.database_url or source_url(system)
    entries = read_ledger(file)
    entry = next((item for item in entries if item.subject == subject), None)
    known = entry is not None
    if entry is None:
        entry = ErasureEntry(uuid.uuid4().hex, subject, datetime.now(UTC), reason)
        append(file, (entry,))
    stores, problems = _copy(system, (*entries, *(() if known else (entry,))))
    ran = run_statements(system, url, (subject,), found)
    logger.info("erased %s: %d rows", entry.id, ran.rows)
    return Forgotten(entry.id, known, ran.statements, ran.rows, stores, problems)


def _ledger(system: System) -> Path:
    file = system.procedures.erasure.ledger
    if file is None:
        raise ConfigurationError(
            "nothing says where erasures are noted",
            hint="Set erasure.ledger to a file outside of the database, or the next restore brings people back.",
        )
    return file


def _copy(system: System, entries: tuple[ErasureEntry, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give each store what it lacks, also of earlier calls: who has all now, and what is wrong with the others."""
    repository = open_repository(system)
    found = list_copies(system.name, repository.stores.values())
    problems = {name: error.message for name, error in found.silent.items()}
    with opened(system.encryption) as cipher:
        for name, ids in found.ids.items():
            lacking = [entry for entry in entries if entry.id not in ids]
            try:
                put(system.name, lacking, repository.store(name), cipher)
            except StoreError as error:
                problems[name] = error.message
    held = tuple(name for name in repository.stores if name not in problems)
    return held, tuple(f"store {name} has no copy of this erasure: {text}" for name, text in problems.items())
