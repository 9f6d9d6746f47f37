"""What this host remembers of the last backup, so that a file that is as it was is not read again (docs/adr/0009).

A backup host with public keys cannot read the last index. The cache holds no path and no content: a path is a keyed
hash, a content its digest. Each value carries a keyed check, for a backup must not believe a damaged cache. Losing it
costs time and nothing else.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import struct
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from dr.catalog.file_index import Piece
from dr.components.files.tar_members import member_bytes

_NAME = 12
_FILE = struct.Struct("<QqqQIH")  # size, mtime, ctime, inode, day of the last reading, number of pieces
_PIECE = struct.Struct("<QI32sI")  # offset, length, SHA-256, pack
_PLACE = struct.Struct("<I")  # pack
_MOST_PIECES = 0xFFFF
_CHECK = 8
_RACY_NS = 2_000_000_000
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pack (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, used INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS folder (name BLOB PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS piece (name BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""


class _Folder:
    """One directory: its files by hashed name as the last backup left them, and as this one does."""

    __slots__ = ("after", "before", "key", "value")

    def __init__(self, key: bytes, before: dict[bytes, bytes], value: bytes = b"") -> None:
        self.key = key
        self.before = before
        self.after: dict[bytes, bytes] = {}
        self.value = value


class Cache:
    """One run's use of it. Nothing is kept unless ``commit`` is called; ``trouble`` says why it is of no use."""

    def __init__(self, directory: Path, reread_days: int) -> None:
        self._file = directory / "cache.sqlite"
        self._reread_days = reread_days
        self.trouble = ""
        self._db: sqlite3.Connection | None = None
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))  # for its owner alone
            self._db = self._open()
        except (OSError, sqlite3.Error) as error:
            self._give_up(error)
        self._key = self._local_key()
        self._ids: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._used: dict[str, int] = {}
        self._folder = _Folder(b"", {})
        self._met: set[bytes] = set()

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.DatabaseError:
            # Damaged: begun anew, and this run reads every file.
            self.trouble = "the cache was damaged and is begun anew"
            self._file.unlink()
            os.close(os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._file, isolation_level=None, timeout=30)
        try:
            db.executescript(_TABLES)
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error:
            db.close()
            raise
        return db

    def _local_key(self) -> bytes:
        rows = self._run("SELECT value FROM meta WHERE name = 'key'")
        if rows and len(rows[0][0]) == 32:
            return bytes(rows[0][0])
        key = secrets.token_bytes(32)
        for table in ("folder", "piece", "pack"):
            self._run(f"DELETE FROM {table}")  # noqa: S608 - the names are those above
        self._run("INSERT OR REPLACE INTO meta VALUES ('key', ?)", (key,))
        return key

    def _run(self, statement: str, values: tuple[object, ...] = ()) -> list[tuple[bytes, ...]]:
        """Rows, none when the cache has failed: a disk that takes no more costs the cache, never the backup."""
        if self._db is None:
            return []
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            self._give_up(error)
            return []

    def _give_up(self, error: Exception) -> None:
        self.trouble = f"the cache {self._file} cannot be used: {error}"
        self.close()

    @property
    def empty(self) -> bool:
        """Whether it knows no content at all."""
        return not self._run("SELECT 1 FROM piece LIMIT 1")

    def packs_used(self) -> dict[str, int]:
        """How many bytes of each pack the last backup needed."""
        return {str(name): int(used) for name, used in self._run("SELECT name, used FROM pack")}

    def use(self, packs: Iterable[str]) -> None:
        """From now on only what lies in these packs counts; the others are forgotten."""
        wanted = set(packs)
        self._ids = {}
        for name, number in self._run("SELECT name, id FROM pack"):
            self._ids[str(name)] = int(number)
        for pack in set(self._ids) - wanted:
            self._run("DELETE FROM pack WHERE name = ?", (pack,))
            del self._ids[pack]
        for pack in wanted:
            self._number(pack)
        self._names = {number: name for name, number in self._ids.items()}

    def _number(self, pack: str) -> int:
        number = self._ids.get(pack)
        if number is None:
            # Never a number that was used before: rows of a pack that was forgotten may still be there.
            rows = self._run("SELECT value FROM meta WHERE name = 'next'")
            number = int(rows[0][0]) if rows else 1
            if self._db is None:
                return 0  # it has failed: what was read before goes on meaning what it meant
            self._run("INSERT OR REPLACE INTO meta VALUES ('next', ?)", (number + 1,))
            self._run("INSERT INTO pack (id, name) VALUES (?, ?)", (number, pack))
            self._ids[pack] = number
            self._names[number] = pack
        return number

    def _name(self, kind: bytes, data: bytes) -> bytes:
        return blake2b(data, key=self._key, person=kind, digest_size=20).digest()

    def _checked(self, name: bytes, value: bytes) -> bytes:
        return value + blake2b(name + value, key=self._key, digest_size=_CHECK).digest()

    def _read(self, table: str, name: bytes) -> bytes:
        rows = self._run(f"SELECT value FROM {table} WHERE name = ?", (name,))  # noqa: S608
        if not rows:
            return b""
        stored = bytes(rows[0][0])
        value = stored[:-_CHECK]
        return value if self._checked(name, value) == stored else b""

    def enter(self, directory: bytes) -> None:
        """The files of this directory are next: what is known of them is one row, whatever their number."""
        self._leave()
        key = self._name(b"folder", directory)
        self._met.add(key)
        value = self._read("folder", key)
        records: dict[bytes, bytes] = {}
        at = 0
        while at + _NAME + _FILE.size <= len(value):
            end = at + _NAME + _FILE.size + _PIECE.size * _FILE.unpack_from(value, at + _NAME)[5]
            records[value[at : at + _NAME]] = value[at + _NAME : end]
            at = end
        self._folder = _Folder(key, records, value)

    def _leave(self) -> None:
        """Write the row of the directory that was last, unless it says what it said."""
        folder = self._folder
        value = b"".join(part for pair in folder.after.items() for part in pair)
        if folder.key and value != folder.value:
            self._run("INSERT OR REPLACE INTO folder VALUES (?, ?)", (folder.key, self._checked(folder.key, value)))
        self._folder = _Folder(b"", {})

    def pieces_of(self, file: bytes, status: os.stat_result, today: int) -> tuple[Piece, ...] | None:
        """The content of a file of the directory that was entered, when it is as it was when it was last read; None
        when it is to be read (again).
        """
        name = blake2b(file, key=self._key, digest_size=_NAME).digest()
        record = self._folder.before.get(name)
        if record is None:
            return None
        size, mtime, ctime, inode, day, _ = _FILE.unpack_from(record)
        if (size, mtime, ctime, inode) != (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino):
            return None
        if today - day >= self._turn(name) or day > today:
            return None
        pieces = []
        for offset, length, digest, number in _PIECE.iter_unpack(record[_FILE.size :]):
            pack = self._names.get(number)
            if pack is None:
                return None
            pieces.append(Piece(offset, length, digest.hex(), pack))
        self._folder.after[name] = record
        return tuple(pieces)

    def _turn(self, name: bytes) -> int:
        """After how many days a file is read though it looks unchanged: spread, so that no day has to read them all."""
        half = self._reread_days // 2
        return self._reread_days - name[0] % (half + 1)

    def remember(self, file: bytes, status: os.stat_result, pieces: Sequence[Piece], today: int, now_ns: int) -> None:
        """The content of a file that was read. One changed a moment ago is read again next time: a second change
        within the same tick of the file system's clock would leave no trace (git calls such a file racy).
        """
        if now_ns - status.st_ctime_ns < _RACY_NS or len(pieces) > _MOST_PIECES:
            return
        name = blake2b(file, key=self._key, digest_size=_NAME).digest()
        stated = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        self._folder.after[name] = _FILE.pack(*stated, today, len(pieces)) + b"".join(
            _PIECE.pack(piece.offset, piece.length, bytes.fromhex(piece.sha256), self._number(piece.pack))
            for piece in pieces
        )

    def pack_with(self, digest: str) -> str | None:
        """The pack that holds this content; None when none does."""
        value = self._read("piece", self._name(b"piece", bytes.fromhex(digest)))
        return self._names.get(_PLACE.unpack(value)[0]) if len(value) == _PLACE.size else None

    def place(self, digest: str, pack: str) -> None:
        """Note where a content lies."""
        name = self._name(b"piece", bytes.fromhex(digest))
        value = self._checked(name, _PLACE.pack(self._number(pack)))
        self._run("INSERT OR REPLACE INTO piece VALUES (?, ?)", (name, value))

    def count(self, piece: Piece) -> None:
        """A file of this backup needs this piece."""
        self._used[piece.pack] = self._used.get(piece.pack, 0) + member_bytes(piece.length)

    @property
    def used(self) -> Mapping[str, int]:
        """Bytes needed of each pack so far."""
        return self._used

    def commit(self, today: int) -> tuple[str, ...]:
        """Keep what was learnt; now and then forget directories that are gone. What went wrong, in words."""
        self._leave()
        for pack, size in self._used.items():
            self._run("UPDATE pack SET used = ? WHERE name = ?", (size, pack))
        last = self._run("SELECT value FROM meta WHERE name = 'swept'")
        if not last or today - int(last[0][0]) >= self._reread_days:
            self._sweep()
            self._run("INSERT OR REPLACE INTO meta VALUES ('swept', ?)", (today,))
        self._run("COMMIT")
        self.close()
        return (self.trouble,) if self.trouble else ()

    def _sweep(self) -> None:
        for (name,) in self._run("SELECT name FROM folder"):
            if name not in self._met:
                self._run("DELETE FROM folder WHERE name = ?", (name,))
        for name, value in self._run("SELECT name, value FROM piece"):
            if len(value) < _PLACE.size or _PLACE.unpack_from(value)[0] not in self._names:
                self._run("DELETE FROM piece WHERE name = ?", (name,))

    def close(self) -> None:
        """Whatever was not committed is forgotten."""
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
            self._db = None
