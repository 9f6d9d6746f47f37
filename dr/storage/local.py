"""A store that is a directory of this machine: plain files under plain names, readable without this program."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dr.errors import ObjectMissing, StoreError
from dr.storage.keys import PARTIAL_PREFIX, check_key, check_prefix
from dr.storage.local_errors import translated
from dr.storage.local_writer import LocalWriter, sync_directory
from dr.storage.protocol import StoredObject

_FileId = tuple[int, int]


class LocalStore:
    """Objects are files under ``root``, mode 0600 in directories of mode 0700.

    A ``root`` that is not there yet holds nothing, and is made by the first write.
    """

    def __init__(self, name: str, root: Path) -> None:
        self._name = name
        self._root = root.absolute()

    @property
    def name(self) -> str:
        return self._name

    @property
    def location(self) -> str:
        return str(self._root)

    @property
    def is_local(self) -> bool:
        return True

    def path(self, key: str) -> Path:
        """The file that holds ``key``, for programs that must open it themselves."""
        return self._root.joinpath(check_key(key))

    def writer(self, key: str) -> LocalWriter:
        return LocalWriter(self._name, key, self.path(key))

    def read(self, key: str, chunk_size: int = 1 << 20) -> Iterator[bytes]:
        path = self.path(key)
        with translated(self._name, path, "read an object"), path.open("rb", buffering=0) as file:
            while chunk := file.read(chunk_size):
                yield chunk

    def read_bytes(self, key: str) -> bytes:
        return b"".join(self.read(key))

    def read_back(self, key: str) -> Iterator[bytes]:
        return self.read(key)

    def put_bytes(self, key: str, data: bytes) -> None:
        with self.writer(key) as writer:
            writer.write(data)

    def create(self, key: str, data: bytes) -> bool:
        writer = self.writer(key)
        try:
            writer.write(data)
            return writer.commit_if_absent()
        finally:
            writer.abort()

    def head(self, key: str) -> StoredObject:
        path = self.path(key)
        with translated(self._name, path, "look at an object"):
            status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ObjectMissing(f"no object in store {self._name} under that name", f"{path} is not a plain file")
        return _stored(key, status)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        directory, _, _ = check_prefix(prefix).rpartition("/")
        yield from self._walk(self._root / directory, f"{directory}/" if directory else "", prefix, ())

    def delete(self, key: str) -> None:
        path = self.path(key)
        with translated(self._name, path, "delete an object"):
            try:
                path.unlink()
            except (FileNotFoundError, NotADirectoryError):
                return
        sync_directory(self._name, path.parent)
        self._prune(path.parent)

    def free_bytes(self) -> int | None:
        with translated(self._name, self._root, "measure free space"):
            status = os.statvfs(next(path for path in (self._root, *self._root.parents) if path.exists()))
        return status.f_bavail * status.f_frsize

    def sweep_partials(self, older_than: timedelta) -> int:
        oldest = datetime.now(UTC) - older_than
        swept = 0
        with translated(self._name, self._root, "sweep temporary files"):
            for partial in self._root.rglob(f"{PARTIAL_PREFIX}*"):
                with suppress(FileNotFoundError):
                    if _modified(partial.stat()) <= oldest:
                        partial.unlink()
                        swept += 1
        return swept

    def _walk(self, directory: Path, base: str, prefix: str, above: tuple[_FileId, ...]) -> Iterator[StoredObject]:
        """Yield in key order, holding the names of one directory per level and no more."""
        for name, is_directory in _names(self._name, directory):
            key, path = f"{base}{name}", directory / name
            if not key.startswith(prefix):
                continue
            if is_directory:
                yield from self._walk(path, f"{key}/", prefix, self._deeper(path, above))
                continue
            try:
                with translated(self._name, path, "look at an object"):
                    found = _stored(key, path.stat())
            except ObjectMissing:
                continue  # deleted since the directory was read
            yield found

    def _deeper(self, directory: Path, above: tuple[_FileId, ...]) -> tuple[_FileId, ...]:
        """``above`` with ``directory``; an operator may link to a directory elsewhere, but not in a circle."""
        with translated(self._name, directory, "list objects"):
            status = directory.stat()
        identity = (status.st_dev, status.st_ino)
        if identity in above:
            raise StoreError(
                f"cannot list store {self._name}: a link leads in a circle",
                str(directory),
                "Remove that symbolic link.",
            )
        return (*above, identity)

    def _prune(self, directory: Path) -> None:
        """Remove directories that a delete has emptied, so that expired backups leave no skeleton."""
        while directory != self._root:
            try:
                directory.rmdir()
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.EBUSY):
                    return
                with translated(self._name, directory, "remove an empty directory"):
                    raise
            directory = directory.parent


def _stored(key: str, status: os.stat_result) -> StoredObject:
    return StoredObject(key, status.st_size, _modified(status))


def _modified(status: os.stat_result) -> datetime:
    return datetime.fromtimestamp(status.st_mtime, UTC)


def _names(store: str, directory: Path) -> list[tuple[str, bool]]:
    """Names of files and directories, as their keys sort: a directory's keys go on with a slash."""
    with translated(store, directory, "list objects"):
        try:
            with os.scandir(directory) as entries:
                found = [
                    (entry.name, entry.is_dir())
                    for entry in entries
                    if not entry.name.startswith(PARTIAL_PREFIX) and (entry.is_dir() or entry.is_file())
                ]
        except (FileNotFoundError, NotADirectoryError):
            return []
    return sorted(found, key=lambda item: f"{item[0]}/" if item[1] else item[0])
