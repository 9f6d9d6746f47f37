"""Comparing restored files with the manifest that PostgreSQL made of them while it sent them.

The same check as ``pg_verifybackup`` (its rules for what is ignored are kept), done here because that program is not
in every installation, and in one common distribution it does not even start. The format is documented in the
PostgreSQL manual, "Backup Manifest Format".
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import google_crc32c
import msgspec

from dr.errors import BackupInvalid
from dr.postgres.data_directory import UNFINISHED

_CHUNK = 1 << 20
_IGNORED = frozenset(
    {"backup_manifest", "postgresql.auto.conf", "recovery.signal", "standby.signal", "pg_wal", UNFINISHED}
)
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class ListedFile:
    """One file of the manifest: path relative to the data directory, bytes, CRC-32C in PostgreSQL's notation."""

    path: str
    size: int
    checksum: str


def read_manifest(data: bytes) -> tuple[ListedFile, ...]:
    """Parse a manifest, checking its own checksum first. Raises ``BackupInvalid``."""
    body, _, _ = data.rpartition(b'"Manifest-Checksum"')
    try:
        content = msgspec.json.decode(data)
        if hashlib.sha256(body).hexdigest() != content["Manifest-Checksum"]:
            raise BackupInvalid(
                "PostgreSQL's backup manifest does not match its own checksum", hint="Use another copy."
            )
        return tuple(_listed(item) for item in content["Files"])
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise BackupInvalid("PostgreSQL's backup manifest cannot be read", str(error), "Use another copy.") from error


def _listed(item: Any) -> ListedFile:
    if not isinstance(item, dict) or not isinstance(item.get("Path", ""), str):
        raise TypeError(f"not a file's entry: {item!r}"[:200])
    path = item["Path"] if "Path" in item else bytes.fromhex(item["Encoded-Path"]).decode(errors="surrogateescape")
    if item.get("Checksum-Algorithm") not in (None, "CRC32C"):
        raise BackupInvalid(f"the backup manifest uses {item['Checksum-Algorithm']} checksums, not CRC32C")
    return ListedFile(path, int(item["Size"]), item.get("Checksum", ""))


def differences(directory: Path, listed: tuple[ListedFile, ...]) -> list[str]:
    """What is missing, longer, shorter or other than in the manifest, and what it does not know."""
    found: list[str] = []
    for item in listed:
        if item.path.split("/", 1)[0] in _IGNORED:
            continue
        problem = _compare(directory / item.path, item)
        if problem:
            found.append(f"{item.path} {problem}")
    known = {item.path for item in listed}
    found += [f"{path} is not in the manifest" for path in _present(directory) if path not in known]
    return found


def _compare(path: Path, item: ListedFile) -> str:
    try:
        size = path.stat().st_size
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if size != item.size:
        return f"has {size} bytes instead of {item.size}"
    if item.checksum and _crc32c(path) != item.checksum:
        return "has other content"
    return ""


def _crc32c(path: Path) -> str:
    """PostgreSQL writes the four bytes in the machine's order, which is little-endian wherever it is common."""
    value = 0
    with path.open("rb") as stream:
        while data := stream.read(_CHUNK):
            value = google_crc32c.extend(value, data)
    return value.to_bytes(4, "little").hex()


def _present(directory: Path) -> list[str]:
    paths = []
    # Tablespaces are links to directories beside the data directory; what lies in them counts too.
    for root, folders, names in os.walk(directory, followlinks=True):
        here = Path(root).relative_to(directory)
        if here == Path():
            folders[:] = [name for name in folders if name not in _IGNORED]
            names = [name for name in names if name not in _IGNORED]
        paths += [str(here / name) for name in names]
    return sorted(paths)


def verify_files(directory: Path) -> None:
    """Every restored file against ``backup_manifest``. Raises ``BackupInvalid`` naming the first differences."""
    found = differences(directory, read_manifest((directory / "backup_manifest").read_bytes()))
    if found:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise BackupInvalid(
            f"{len(found)} files restored into {directory} differ from PostgreSQL's manifest",
            detail="; ".join(found[:_SHOWN]) + more,
            hint="Look for a failing disk here; then use another copy or an older backup.",
        )
