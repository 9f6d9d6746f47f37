"""The encrypted index of a backup of infrastructure: every file and state with its hash, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from dr.errors import BackupInvalid

NAME = "infrastructure.json"


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """One file of a module. ``path`` is relative to the module's folder in a restored copy."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class IndexedState:
    """One state. ``object`` is its name in the backup, ``path`` where a restored copy has it."""

    workspace: str
    object: str
    path: str
    sha256: str
    serial: int
    lineage: str


@dataclass(frozen=True, slots=True)
class IndexedModule:
    """One root module. ``root`` is its own directory within its folder, beside which are the modules that it uses.

    ``backend`` is ``local``, ``s3``, ..., or ``file`` for a state file that stands for itself; ``state_path`` and
    ``workspace_directory`` are where a local backend has its states, seen from the module.
    """

    name: str
    source: str
    root: str
    backend: str
    state_path: str
    workspace_directory: str
    states: tuple[IndexedState, ...]
    files: tuple[IndexedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Index:
    """All of them."""

    modules: tuple[IndexedModule, ...]


def to_json(index: Index) -> bytes:
    return msgspec.json.format(msgspec.json.encode(index), indent=1) + b"\n"


def from_json(data: bytes) -> Index:
    """Raises ``BackupInvalid``."""
    try:
        return msgspec.json.decode(data, type=Index)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise BackupInvalid(f"{NAME} cannot be read", str(error), "Use another backup.") from error
