"""Are the files there that rows speak of? Each is looked for on disk, and a sample of them is read and compared."""

from __future__ import annotations

import hashlib
import os
import random
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from dr.catalog.file_index import FILE, FileEntry
from dr.catalog.labels import Kind
from dr.components.files.listing import list_files
from dr.configuration.model import System
from dr.crypto.gnupg import opened
from dr.errors import BackupInvalid, BackupNotFound, KeyUnusable, StoreError
from dr.operations.check_source import source_url
from dr.operations.component.source import StoreSource
from dr.operations.find_backup import find_backup, source_stores
from dr.operations.objects_back import from_first_whole_copy
from dr.operations.verify_recovery.asking import Question
from dr.policy.compare_expected import few
from dr.policy.recovered_state import Finding, Said
from dr.postgres.mark import referenced_paths
from dr.postgres.questions import asking
from dr.storage.protocol import Store

SAMPLE, SAMPLE_BYTES = 200, 1 << 30
"""What is read: so many files at most, and no further one behind so many bytes."""
_LEEWAY_SECONDS = 60.0
_MEND = "dr restore files brings them back; dr points says which backup belongs to this state of the database."


def files_lane(system: System, seconds: float) -> tuple[Question, ...]:
    """The statement of ``point.references`` says which."""
    return (Question("files", seconds + _LEEWAY_SECONDS, lambda: _files(system, seconds)),)


def _files(system: System, seconds: float) -> Iterator[Finding]:
    file, directories = system.components.point.references, system.components.files.directories
    if file is None:
        yield Finding("files", Said.NOT_ASKED, "point.references does not say which files rows name")
        return
    try:
        statement = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        yield Finding("files", Said.UNPROVEN, f"point.references cannot be read: {error}", "Bring the file back.")
        return
    with asking(source_url(system), seconds) as connection:
        connection.autocommit = False
        named = referenced_paths(connection, statement)
        connection.rollback()
    if named.problem:
        yield Finding("files", Said.UNPROVEN, named.problem, f"Mend the statement in {file}.")
        return
    places = {path: place for path in named.paths if (place := on_disk(path, directories)) is not None}
    missing = tuple(path for path in named.paths if path not in places)
    if missing:
        told = f"{len(missing)} of {len(named.paths)} that rows name are missing: {few(missing)}"
        yield Finding("files", Said.FAILED, told, _MEND)
    else:
        yield Finding("files", Said.PASSED, f"all {len(named.paths)} that rows name are there")
    yield _sample(system, sorted(places.values()))


def on_disk(path: str, directories: Sequence[Path]) -> Path | None:
    """Where a path that a row names is a file: as it stands, or below one of the directories of uploads."""
    candidates = [Path(path)] if path.startswith("/") else [directory / path for directory in directories]
    return next((place for place in candidates if place.is_file()), None)


def _sample(system: System, places: Sequence[Path]) -> Finding:
    chosen, unreadable = _read_some(places)
    if unreadable:
        return Finding("files read", Said.FAILED, few(unreadable), _MEND)
    told = f"{len(chosen)} read to their ends"
    try:
        backed_up = _index(system, {os.fsencode(place.resolve()) for place in chosen})
    except BackupNotFound:
        return Finding("files read", Said.PASSED, f"{told}; there is no backup of files to compare with")
    except (BackupInvalid, KeyUnusable, StoreError) as error:
        return Finding("files read", Said.PASSED, f"{told}; not compared with their backup: {error.message}")
    entries = {place: backed_up.get(os.fsencode(place.resolve())) for place in chosen}
    same = {place: entry for place, entry in entries.items() if entry is not None and _is_same_version(place, entry)}
    wrong = tuple(str(place) for place, entry in same.items() if not _as_backed_up(place, entry))
    if wrong:
        told = f"other content than in their backup, and the same size and time: {few(wrong)}"
        return Finding("files read", Said.FAILED, told, _MEND)
    return Finding("files read", Said.PASSED, f"{told}, {len(same)} are what was backed up")


def _read_some(places: Sequence[Path]) -> tuple[list[Path], tuple[str, ...]]:
    """Files that were read to their ends, and what is wrong with those that could not be."""
    chosen: list[Path] = []
    unreadable, size = [], 0
    for place in random.sample(places, min(SAMPLE, len(places))):
        if size > SAMPLE_BYTES:
            break
        chosen.append(place)
        try:
            size += _read_through(place)
        except OSError as error:
            unreadable.append(f"{place}: {error.strerror}")
    return chosen, tuple(unreadable)


def _read_through(place: Path) -> int:
    """Its bytes. Raises OSError where the disk does not give them."""
    with place.open("rb") as stream:
        return sum(map(len, iter(lambda: stream.read(1 << 20), b"")))


def _as_backed_up(place: Path, entry: FileEntry) -> bool:
    """Piece by piece, as its contents lie in the packs; what no piece covers is a hole."""
    with place.open("rb") as stream:
        for piece in entry.pieces:
            stream.seek(piece.offset)
            if hashlib.sha256(stream.read(piece.length)).hexdigest() != piece.sha256:
                return False
    return True


def _is_same_version(place: Path, entry: FileEntry) -> bool:
    status = place.stat()
    same = (status.st_size, status.st_mtime_ns) == (entry.size, entry.mtime_ns)
    return entry.type == FILE and not entry.unread and not entry.changed and same and stat.S_ISREG(status.st_mode)


def _index(system: System, wanted: set[bytes]) -> dict[bytes, FileEntry]:
    """The entries of these paths in the newest backup of files."""
    found = find_backup(system, "", Kind.FILES)
    manifest = found.manifest
    roots = {item.name: item.detail for item in (manifest.component.items if manifest.component else ())}

    def attempt(store: Store) -> dict[bytes, FileEntry]:
        entries = {}
        for entry in list_files(StoreSource(store, manifest, cipher)):
            path = os.fsencode(roots.get(entry.root, "")).rstrip(b"/") + b"/" + entry.relative
            if path in wanted:
                entries[path] = entry
        return entries

    with opened(system.encryption) as cipher:
        entries, _ = from_first_whole_copy(source_stores(system, found), attempt, lambda: None)
    return entries
