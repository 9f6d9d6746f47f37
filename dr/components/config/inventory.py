"""The list of what a backup of configuration holds, itself an encrypted object of the backup.

Digests are BLAKE2b under a random key that stands in the list: whoever reads it can compare everything, and whoever has
only the manifest learns nothing. ``python3 -m json.tool inventory.json`` shows it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import msgspec

from dr.components.tarball import Attributes
from dr.errors import BackupInvalid

FORMAT = 1
_DIGEST_BYTES = 20


class Type(StrEnum):
    """``UNREAD`` is a file that should be in the backup and is not; ``OTHER`` is a socket, a pipe or a device."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    UNREAD = "unread"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Entry:
    """One absolute path. ``digest`` is of a file's content, ``reason`` says why that is not in the backup.

    A directory with a reason is in the backup without what lies in it.
    """

    path: str
    type: Type
    kept: Attributes
    size: int = 0
    digest: str = ""
    target: str = ""
    reason: str = ""

    @property
    def member(self) -> str:
        """Its name in the tar."""
        return self.path.lstrip("/")

    @property
    def unread(self) -> bool:
        """Whether something of it should be in the backup and is not."""
        return self.type is Type.UNREAD or (self.type is Type.DIRECTORY and bool(self.reason))


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of the environment."""

    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """``key`` is hexadecimal; ``environment_files`` are the paths that hold NAME=value lines.

    ``moved`` has the configured paths that go through a link, with where they really lie: so they are named here.
    """

    format: int
    taken: datetime
    key: str
    roots: tuple[str, ...]
    environment_files: tuple[str, ...]
    entries: tuple[Entry, ...]
    variables: tuple[Variable, ...]
    moved: Mapping[str, str] = field(default_factory=dict)

    def of(self, *types: Type) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.type in types)

    @property
    def unread(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.unread)

    def digest(self, data: bytes) -> str:
        return digest(bytes.fromhex(self.key), data)


def digest(key: bytes, data: bytes) -> str:
    """Under ``key``, so that it tells nothing to whoever does not have that."""
    return hashlib.blake2b(data, key=key, digest_size=_DIGEST_BYTES).hexdigest()


def variables_of(key: bytes, variables: Mapping[str, str]) -> tuple[Variable, ...]:
    return tuple(Variable(name, digest(key, os.fsencode(value))) for name, value in sorted(variables.items()))


def to_json(inventory: Inventory) -> bytes:
    """ASCII, for a path may hold what is no UTF-8."""
    return json.dumps(msgspec.to_builtins(inventory), indent=1).encode() + b"\n"


def from_json(data: bytes, origin: str) -> Inventory:
    """Raises ``BackupInvalid`` on anything else."""
    try:
        inventory = msgspec.convert(json.loads(data), Inventory)
        bytes.fromhex(inventory.key)
    except (ValueError, RecursionError) as error:
        raise BackupInvalid(
            f"{origin} is no inventory of a backup of configuration",
            detail=str(error),
            hint="The tar beside it may be whole: open it with stock tar, or use another copy.",
        ) from error
    if inventory.format != FORMAT:
        raise BackupInvalid(f"{origin} has format {inventory.format}; this program reads format {FORMAT}")
    return inventory
