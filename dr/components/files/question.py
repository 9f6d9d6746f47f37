"""Is what lies there what was backed up? Every path is looked at, and contents are hashed against the index.

The index lies beside the restored files and is itself compared with the manifest: no store is asked.
"""

from __future__ import annotations

import hashlib
import os
import random
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dr.catalog import file_index as index
from dr.catalog.file_index import FileEntry
from dr.catalog.manifest import Level, Manifest
from dr.components.files.attributes import gid_here, read_xattrs, type_of, uid_here
from dr.components.files.index_lines import KEPT_AS, read_kept
from dr.components.files.index_writer import SHA256
from dr.components.files.wanted import key_of
from dr.errors import BackupInvalid
from dr.policy.drill_verdict import Answer, Probe

HASHED_BYTES = 4 << 30
"""So much content is hashed; of a larger copy a sample of that size, drawn by the label."""

_SHOWN = 3


@dataclass(slots=True)
class _Findings:
    """What is wrong, by question; how much was looked at."""

    wrong: dict[str, list[str]] = field(default_factory=dict)
    paths: int = 0
    hashed: int = 0
    files: int = 0
    sizes: int = 0

    def note(self, question: str, path: bytes) -> None:
        self.wrong.setdefault(question, []).append(os.fsdecode(path).encode(errors="replace").decode())


def question(manifest: Manifest, directory: Path, limit: int = HASHED_BYTES) -> tuple[Probe, ...]:
    """Index, paths, contents, modes and times, owners, links, extended attributes."""
    try:
        _require_index(manifest, directory)
        _, entries = read_kept(directory)
        total = sum(entry.size for entry in entries)
        _, entries = read_kept(directory)
        found = _compare(entries, directory, manifest.label, total, limit)
    except (BackupInvalid, OSError) as error:
        text = error.message if isinstance(error, BackupInvalid) else str(error)
        return (Probe("index of the files", Answer.FAILED, text, Level.QUERIED, essential=True),)
    share = "" if found.hashed >= found.sizes else f"a sample of {found.hashed} of {found.sizes} bytes, "
    return (
        _probe("paths", found, f"{found.paths} paths, none missing and none more"),
        _probe("contents", found, f"{share}{found.files} files hash to what was backed up"),
        _probe("modes and times", found, f"{found.paths} as they were"),
        _probe("links", found, "they lead where they led"),
        _probe("extended attributes", found, "as they were"),
        _owners(found),
    )


def _require_index(manifest: Manifest, directory: Path) -> None:
    with (directory / KEPT_AS).open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if manifest.component is None or manifest.component.facts.get(SHA256) != digest:
        raise BackupInvalid(f"{directory / KEPT_AS} is not the index of {manifest.label}")


def _probe(name: str, found: _Findings, fine: str) -> Probe:
    wrong = found.wrong.get(name, [])
    if not wrong:
        return Probe(name, Answer.PASSED, fine, Level.QUERIED)
    more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    return Probe(name, Answer.FAILED, f"not as backed up: {', '.join(wrong[:_SHOWN])}{more}", Level.QUERIED)


def _owners(found: _Findings) -> Probe:
    if "owners" in found.wrong and os.geteuid() != 0:
        return Probe("owners", Answer.UNPROVEN, "only root can give files to others", Level.QUERIED)
    return _probe("owners", found, f"{found.paths} belong to whom they belonged")


def _compare(entries: Iterator[FileEntry], directory: Path, seed: str, total: int, limit: int) -> _Findings:
    found = _Findings(sizes=total)
    chance = random.Random(seed)  # noqa: S311 - a sample that can be drawn again, nothing secret
    share = 1.0 if total <= limit else limit / total
    base = os.fsencode(directory)
    known: set[bytes] = set()
    inodes: dict[int, int] = {}
    for entry in entries:
        key = key_of(entry)
        path = base + b"/" + key
        if (entry.unread and entry.type == index.FILE and not entry.pieces) or entry.type == index.SOCKET:
            continue
        known.add(key)
        found.paths += 1
        try:
            status = os.lstat(path)
        except OSError:
            found.note("paths", key)
            continue
        _look(entry, status, path, key, found)
        if entry.link and inodes.setdefault(entry.link, status.st_ino) != status.st_ino:
            found.note("links", key)
        if entry.type == index.FILE and (share >= 1 or chance.random() < share):
            found.files += 1
            found.hashed += entry.size
            if not _same_content(path, entry):
                found.note("contents", key)
    for key in _all_below(base):
        if key not in known:
            found.note("paths", key)
    return found


def _look(entry: FileEntry, status: os.stat_result, path: bytes, key: bytes, found: _Findings) -> None:
    """Everything but the content."""
    if type_of(status.st_mode) != entry.type or (entry.type == index.FILE and status.st_size != entry.size):
        found.note("paths", key)
        return
    mode = entry.type == index.SYMLINK or stat.S_IMODE(status.st_mode) == int(entry.mode, 8)
    if not mode or status.st_mtime_ns != entry.mtime_ns:
        found.note("modes and times", key)
    if entry.type == index.SYMLINK and _target(path) != entry.link_target:
        found.note("links", key)
    if (status.st_uid, status.st_gid) != (uid_here(entry.uid, entry.user), gid_here(entry.gid, entry.group)):
        found.note("owners", key)
    if entry.xattrs and not entry.xattrs.items() <= read_xattrs(path).items():
        found.note("extended attributes", key)


def _same_content(path: bytes, entry: FileEntry) -> bool:
    """Each piece hashes to its name. Between the pieces there is nothing but zeros."""
    at = 0
    with Path(os.fsdecode(path)).open("rb") as stream:
        for piece in entry.pieces:
            if not _zeros(stream.fileno(), at, piece.offset):
                return False
            stream.seek(piece.offset)
            if hashlib.sha256(stream.read(piece.length)).hexdigest() != piece.sha256:
                return False
            at = piece.offset + piece.length
        return _zeros(stream.fileno(), at, entry.size)


def _target(path: bytes) -> bytes:
    return os.readlink(path)  # noqa: PTH115 - a Path would tidy up what the link says


def _zeros(descriptor: int, begin: int, end: int) -> bool:
    """Whether a stretch holds only zeros; a hole is not read."""
    while begin < end:
        try:
            begin = os.lseek(descriptor, begin, os.SEEK_DATA)
        except OSError:
            return True
        length = min(1 << 20, end - begin)
        if length > 0 and any(os.pread(descriptor, length, begin)):
            return False
        begin += max(length, 0)
    return True


def _all_below(base: bytes) -> Iterator[bytes]:
    for directory, below, files in os.walk(base):
        for name in (*below, *files):
            key = (directory + b"/" + name)[len(base) + 1 :]
            if key != KEPT_AS.encode():
                yield key
