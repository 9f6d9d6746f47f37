"""What a backup of configuration holds, opened for comparing: a store's copy, or a directory that was restored."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dr.components.config import environment
from dr.components.config.inventory import Inventory, Type, from_json
from dr.components.config.layout import ENVIRONMENT, FILES, INVENTORY, TAR
from dr.components.protocol import Source
from dr.components.tarball import Attributes, members
from dr.errors import BackupInvalid

COMPARED_BYTES = 1 << 20
"""A file above this is compared as a whole."""
_KEY = secrets.token_bytes(32)
"""Of this process: the digests are for comparing here and now, and for nobody else."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One path. ``data`` is None where there is no content, or too much of it; ``digest`` tells contents apart."""

    type: Type
    kept: Attributes
    target: str = ""
    data: bytes | None = None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """``paths`` by absolute path, ``variables`` by name, with their real values: never print one."""

    paths: Mapping[str, Kept]
    variables: Mapping[str, str]
    environment_files: frozenset[str]


def from_source(source: Source) -> Snapshot:
    """Raises ``BackupInvalid`` or StoreError."""
    inventory = from_json(source.read(source.named(INVENTORY)), INVENTORY)
    contents: dict[str, tuple[bytes | None, str]] = {}
    if inventory.roots:
        with source.chunks(source.named(TAR)) as chunks:
            for info, stream in members(chunks, TAR):
                if stream is not None:
                    contents[info.name] = _content(stream.read())
    data = source.read(source.named(ENVIRONMENT)) if inventory.variables else None
    return _snapshot(inventory, contents, data)


def from_directory(directory: Path) -> Snapshot:
    """Of a whole restored copy. Raises ``BackupInvalid`` when something of it is absent."""
    try:
        inventory = from_json((directory / INVENTORY).read_bytes(), INVENTORY)
        files = inventory.of(Type.FILE)
        contents = {entry.member: _content((directory / FILES / entry.member).read_bytes()) for entry in files}
        data = (directory / ENVIRONMENT).read_bytes() if inventory.variables else None
    except OSError as error:
        raise BackupInvalid(
            f"{directory} holds no whole restored configuration", str(error), "Restore without naming paths."
        ) from error
    return _snapshot(inventory, contents, data)


def _content(data: bytes) -> tuple[bytes | None, str]:
    digest = hashlib.blake2b(data, key=_KEY, digest_size=20).hexdigest()
    return (data if len(data) <= COMPARED_BYTES else None), digest


def _snapshot(
    inventory: Inventory, contents: Mapping[str, tuple[bytes | None, str]], variables: bytes | None
) -> Snapshot:
    paths = {}
    for entry in inventory.entries:
        data, digest = contents.get(entry.member, (None, ""))
        paths[entry.path] = Kept(entry.type, entry.kept, entry.target, data, digest)
    found = environment.decode(variables, ENVIRONMENT) if variables is not None else {}
    return Snapshot(paths, found, frozenset(inventory.environment_files))
