"""One entry of the ledger of people who asked to be forgotten, and where its copies lie.

An id of a person is personal data: an entry holds the key that the operator gave, a moment, and a reference, no more.
The object's name holds a random id, so that a listing tells nobody anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

import msgspec

from dr.errors import BackupInvalid

FORMAT_VERSION = 1
_SUFFIX = ".json.zst.gpg"
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class ErasureEntry:
    """``subject`` is the key that the statements erase by; ``reason`` refers to the request (a ticket's number)."""

    id: str
    subject: str
    erased_at: datetime
    reason: str = ""
    format_version: int = FORMAT_VERSION

    def __repr__(self) -> str:
        """Without the subject: an error's traceback must not tell who was forgotten."""
        return f"ErasureEntry({self.id}, {self.erased_at:%Y-%m-%d})"


def entry_line(entry: ErasureEntry) -> bytes:
    """One line of JSON."""
    return msgspec.json.encode(entry) + b"\n"


def read_entry(line: bytes, source: str) -> ErasureEntry:
    """The way back. Raises ``BackupInvalid``: a person whose line cannot be read must not come back unnoticed."""
    try:
        entry = msgspec.json.decode(line, type=ErasureEntry)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise BackupInvalid(
            f"{source} holds an erasure that cannot be read",
            detail=type(error).__name__,
            hint="Mend it by a copy of it (another store has one), before anything is restored.",
        ) from None
    if entry.format_version > FORMAT_VERSION or not entry.subject or not _ID.fullmatch(entry.id):
        raise BackupInvalid(f"{source} holds an erasure of a newer program, or none", hint="Use the newest program.")
    return entry


def erasure_prefix(system: str) -> str:
    """Where a store keeps its copy of the ledger, one object per entry."""
    return f"{system}/erasure/"


def erasure_key(system: str, entry_id: str) -> str:
    """Key of one entry's copy."""
    return f"{erasure_prefix(system)}{entry_id}{_SUFFIX}"


def id_of_key(system: str, key: str) -> str | None:
    """The entry whose copy an object is; None when it is no such object."""
    name = key.removeprefix(erasure_prefix(system))
    found = name.removesuffix(_SUFFIX)
    return found if name.endswith(_SUFFIX) and _ID.fullmatch(found) else None
