"""What a restore has to do: directories first, then files pack by pack, then links, then what directories looked like.

Symbolic links are made when all files are there, so that nothing is ever written through one.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from dr.catalog import file_index as index
from dr.catalog.file_index import FileEntry, Piece
from dr.components.files.lay import (
    Shortfalls,
    dress_path,
    hollow_file,
    make_special,
    make_symlink,
    new_file,
    put_piece,
)
from dr.components.files.wanted import key_of
from dr.errors import BackupInvalid


class Job:
    """One file to be made, and how many of its pieces are still to come."""

    __slots__ = ("entry", "path", "remaining")

    def __init__(self, entry: FileEntry, path: bytes) -> None:
        self.entry = entry
        self.path = path
        self.remaining = len(entry.pieces)

    @property
    def at_once(self) -> bool:
        """Whether one piece is all there is to it."""
        return len(self.entry.pieces) == 1 and self.entry.pieces[0].length == self.entry.size


class Plan:
    """``packs``: of each pack the contents that are needed, and where each goes. Made by ``add``, entry by entry."""

    def __init__(self, directory: Path) -> None:
        self._directory = os.fsencode(directory)
        self._directories: list[tuple[bytes, FileEntry]] = []
        self._symlinks: list[tuple[bytes, FileEntry]] = []
        self._specials: list[tuple[bytes, FileEntry]] = []
        self._hollow: list[Job] = []
        self._first: dict[int, bytes] = {}
        self._more: list[tuple[bytes, bytes]] = []
        self._lock = threading.Lock()
        self.packs: dict[str, dict[str, list[tuple[Job, Piece]]]] = {}
        self.shortfalls = Shortfalls()
        self.count = self.bytes = self.unread = 0

    def add(self, entry: FileEntry) -> None:
        """One path more."""
        path = self._directory + b"/" + key_of(entry)
        if entry.type == index.FILE:
            if entry.unread and not entry.pieces:
                self.unread += 1
                return
            self._add_file(entry, path)
        elif entry.type == index.DIRECTORY:
            self._directories.append((path, entry))
        elif entry.type == index.SYMLINK:
            self._symlinks.append((path, entry))
        else:
            self._specials.append((path, entry))
        self.count += 1

    def _add_file(self, entry: FileEntry, path: bytes) -> None:
        first = self._first.setdefault(entry.link, path) if entry.link else path
        if first is not path:
            self._more.append((first, path))
            return
        job = Job(entry, path)
        self.bytes += entry.size
        if not job.at_once:
            self._hollow.append(job)
        for piece in entry.pieces:
            self.packs.setdefault(piece.pack, {}).setdefault(piece.sha256, []).append((job, piece))

    def prepare(self) -> None:
        """Make the directories, and the files that come in several pieces or in none."""
        for path, _ in self._directories:
            Path(os.fsdecode(path)).mkdir(mode=0o700, parents=True, exist_ok=True)
        for job in self._hollow:
            hollow_file(job.path, job.entry)
            if not job.remaining:
                dress_path(job.path, job.entry, self.shortfalls)

    def put(self, job: Job, piece: Piece, content: bytes) -> None:
        """One content at its place; the last one of a file dresses it. Called by several threads."""
        if len(content) != piece.length:
            raise BackupInvalid(f"a piece of {piece.pack} has {len(content)} bytes instead of {piece.length}")
        if job.at_once:
            new_file(job.path, job.entry, content, self.shortfalls)
            return
        put_piece(job.path, content, piece.offset)
        with self._lock:
            job.remaining -= 1
            last = not job.remaining
        if last:
            dress_path(job.path, job.entry, self.shortfalls)

    def finish(self) -> None:
        """All files are there: other names of files, links and pipes, and at last the directories, deepest first."""
        for first, path in self._more:
            os.link(first, path, follow_symlinks=False)
        for path, entry in self._specials:
            make_special(path, entry, self.shortfalls)
        for path, entry in self._symlinks:
            make_symlink(path, entry, self.shortfalls)
        for path, entry in reversed(self._directories):
            dress_path(path, entry, self.shortfalls)
