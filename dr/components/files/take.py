"""Taking one backup: walk, look into the cache, read what changed, pack what is new, write the index.

Nothing of the names of files goes anywhere but into the index, which is encrypted.
"""

from __future__ import annotations

import os
import secrets
import stat
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dr.catalog import file_index as index
from dr.catalog.file_index import FileEntry, Header, Piece, Root, named
from dr.catalog.manifest import Item, Role
from dr.components.files import attributes
from dr.components.files.cache import Cache
from dr.components.files.index_writer import NAME, IndexWriter
from dr.components.files.packs import PackWriter
from dr.components.files.scan import Rules, Seen, Tally, walk
from dr.components.files.snapshot_paths import PathNotes
from dr.components.files.steady import read_steadily
from dr.components.protocol import Sink


@dataclass(slots=True)
class Counts:
    """What was met, by type, and what is not in the backup as it should be."""

    by_type: dict[str, int] = field(default_factory=dict)
    bytes: int = 0
    read: int = 0
    unread: int = 0
    changed: int = 0
    tally: Tally = field(default_factory=Tally)


@dataclass(frozen=True, slots=True)
class Taken:
    """``items``: one per root. ``facts``: of the index and of all roots together."""

    at: datetime
    items: tuple[Item, ...]
    counts: Counts
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Content:
    """What a path holds; ``link`` numbers files that have several names."""

    status: os.stat_result
    size: int = 0
    pieces: tuple[Piece, ...] = ()
    link: int = 0
    changed: bool = False


class Taker:
    """One run over all roots."""

    def __init__(self, sink: Sink, cache: Cache, rules: Rules, pack_bytes: int) -> None:
        self._sink, self._cache, self._rules = sink, cache, rules
        self._pack_bytes = pack_bytes
        self.counts = Counts()
        self.paths = PathNotes()
        self._today = datetime.now(UTC).toordinal()
        self._links: dict[tuple[int, int], _Content] = {}
        self._linked = 0

    def take(self, roots: tuple[Root, ...], judge: Callable[[Item], None]) -> Taken:
        """Write index and packs. ``judge`` sees each root's item as soon as it is walked, and may raise."""
        at = datetime.now(UTC)
        header = Header(str(self._sink.label), at, roots, secrets.token_hex(16))
        items = []
        with self._sink.object(NAME, role=Role.INDEX) as intake:
            lines = IndexWriter(intake, header)
            with PackWriter(self._sink, self._pack_bytes) as packs:
                for root in roots:
                    items.append(self._root(root, lines, packs))
                    judge(items[-1])
            lines.flush()
        return Taken(at, tuple(items), self.counts, lines.facts)

    def _root(self, root: Root, lines: IndexWriter, packs: PackWriter) -> Item:
        counts = self.counts
        files, size = counts.by_type.get(index.FILE, 0), counts.bytes
        for seen in walk(os.fsencode(root.path), self._rules, counts.tally):
            if stat.S_ISDIR(seen.status.st_mode):
                self._cache.enter(seen.path)
            entry = self._entry(root, seen, packs)
            if entry is None:
                counts.tally.vanished += 1
                continue
            counts.by_type[entry.type] = counts.by_type.get(entry.type, 0) + 1
            counts.bytes += entry.size
            counts.unread += bool(entry.unread)
            counts.changed += entry.changed
            lines.add(entry)
            self.paths.add(root.path, entry)
        return Item(root.name, counts.by_type.get(index.FILE, 0) - files, counts.bytes - size, detail=root.path)

    def _entry(self, root: Root, seen: Seen, packs: PackWriter) -> FileEntry | None:
        """One line; None when the path is gone by now."""
        kind = attributes.type_of(seen.status.st_mode)
        content = _Content(seen.status)
        target, unread = b"", seen.trouble
        try:
            if kind == index.FILE:
                content = self._content(seen, packs)
            elif kind == index.SYMLINK:
                target = os.fsencode(os.readlink(seen.name, dir_fd=seen.directory))
        except FileNotFoundError:
            return None
        except OSError as error:
            unread = error.strerror or str(error)
        xattrs: dict[str, str] = {}
        try:
            xattrs = attributes.read_xattrs(seen.path)
        except OSError as error:
            unread = unread or f"extended attributes: {error.strerror}"
        status = content.status
        path, raw = named(seen.relative)
        text, target_raw = named(target)
        return FileEntry(
            root=root.name,
            path=path,
            type=kind,
            mode=f"{stat.S_IMODE(status.st_mode):04o}",
            uid=status.st_uid,
            gid=status.st_gid,
            mtime_ns=status.st_mtime_ns,
            user=attributes.user_name(status.st_uid),
            group=attributes.group_name(status.st_gid),
            size=content.size,
            pieces=content.pieces,
            raw=raw,
            target=text,
            target_raw=target_raw,
            link=content.link,
            device=attributes.device_of(status),
            xattrs=xattrs,
            unread=unread,
            changed=content.changed,
        )

    def _content(self, seen: Seen, packs: PackWriter) -> _Content:
        """From the cache when the file is as it was, from another name of the same file, or read now."""
        status = seen.status
        identity = (status.st_dev, status.st_ino) if status.st_nlink > 1 else None
        known = self._links.get(identity) if identity is not None else None
        if known is not None:
            return known
        link = self._linked + 1 if identity is not None else 0
        pieces = self._cache.pieces_of(seen.relative, status, self._today)
        if pieces is not None:
            content = _Content(status, status.st_size, pieces, link)
        else:
            now = time.time_ns()
            reading = read_steadily(seen.name, seen.directory, lambda digest, data: self._keep(digest, data, packs))
            self.counts.read += 1
            content = _Content(reading.status, reading.size, reading.pieces, link, not reading.steady)
            if reading.steady:
                self._cache.remember(seen.relative, reading.status, reading.pieces, self._today, now)
        for piece in content.pieces:
            self._cache.count(piece)
        if identity is not None:
            self._linked = link
            self._links[identity] = content
        return content

    def _keep(self, digest: str, data: bytes, packs: PackWriter) -> str:
        pack = self._cache.pack_with(digest)
        if pack is None:
            pack = packs.add(digest, data)
            self._cache.place(digest, pack)
        return pack


def is_empty(path: bytes) -> bool:
    """Whether a directory holds nothing at all, as a disk that is not mounted does."""
    with suppress(OSError), os.scandir(path) as entries:
        return next(entries, None) is None
    return False
