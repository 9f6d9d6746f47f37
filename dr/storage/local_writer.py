"""Writing a file so that it is either whole under its name or not there at all.

The bytes go to a temporary name in the same directory (another directory could be another file system, where a rename
is a copy), are flushed to the disk, and only then get their name; flushing the directory makes the name survive a power
cut. What a killed process leaves behind is a temporary name, which is never listed and is swept later.
"""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Self

from dr.storage.keys import PARTIAL_PREFIX
from dr.storage.local_errors import translated
from dr.storage.protocol import Committed, ConditionalWritesMissing

_PRUNE_RACES = 20
_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


class LocalWriter:
    """A file being written under a temporary name; see ``ObjectWriter``."""

    def __init__(self, store: str, key: str, path: Path) -> None:
        self._store = store
        self._key = key
        self._path = path
        self._size = 0
        self._partial, fd = _open_partial(store, path)
        self._fd: int | None = fd

    def write(self, data: bytes | bytearray | memoryview) -> None:
        fd = self._open_fd()
        view = memoryview(data).cast("B")
        with translated(self._store, self._path, "write an object"):
            while view:
                count = os.write(fd, view)
                self._size += count
                view = view[count:]

    def commit(self) -> Committed:
        try:
            self._flush()
            with translated(self._store, self._path, "write an object"):
                self._partial.replace(self._path)
        except BaseException:
            self.abort()
            raise
        self._close()
        sync_directory(self._store, self._path.parent)
        return Committed(self._key, self._size, checksum_compared=False)

    def commit_if_absent(self) -> bool:
        """Give the file its name only if nothing has it. True for exactly one of any number of writers."""
        try:
            self._flush()
            return self._link()
        finally:
            self.abort()

    def abort(self) -> None:
        if self._fd is not None:
            with translated(self._store, self._partial, "remove a temporary file"):
                self._partial.unlink(missing_ok=True)
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if exc[0] is not None:
            self.abort()
        elif self._fd is not None:
            self.commit()

    def _open_fd(self) -> int:
        if self._fd is None:
            raise RuntimeError(f"the writer of {self._key} has ended")
        return self._fd

    def _close(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            with translated(self._store, self._path, "close an object"):
                os.close(fd)

    def _flush(self) -> None:
        fd = self._open_fd()
        with translated(self._store, self._path, "flush an object to disk"):
            os.fsync(fd)
            # The object will be read back to prove it: that read must come from the disk, not from memory. It also
            # leaves the page cache to the database.
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)

    def _link(self) -> bool:
        try:
            os.link(self._partial, self._path)
        except FileExistsError:
            # A file server may have made the link and lost the answer; asked again, it says that the name exists. The
            # link count tells who has it (O_EXCL could not, and would show a half-written file).
            if self._partial.stat().st_nlink == 1:
                return False
        except OSError as error:
            if error.errno in _NO_HARD_LINKS:
                raise ConditionalWritesMissing(
                    f"the file system of store {self._store} cannot create a file exclusively",
                    f"{self._path.parent} does not support hard links: {error.strerror}",
                    "Leases use a slower way there; a file system with hard links (ext4, xfs, zfs, NFS) needs none.",
                ) from error
            with translated(self._store, self._path, "create an object"):
                raise
        sync_directory(self._store, self._path.parent)
        return True


def sync_directory(store: str, directory: Path) -> None:
    """Make the names in ``directory`` survive a power cut; if another has emptied and pruned it, there are none."""
    with translated(store, directory, "flush a directory to disk"), suppress(FileNotFoundError):
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _open_partial(store: str, path: Path) -> tuple[Path, int]:
    partial = path.parent / f"{PARTIAL_PREFIX}{secrets.token_hex(8)}"
    with translated(store, path, "write an object"):
        for attempt in range(_PRUNE_RACES):
            try:
                _make_directory(path.parent)
                return partial, os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            except FileNotFoundError:
                # A delete of the directory's last object has just pruned it.
                if attempt == _PRUNE_RACES - 1:
                    raise
    raise AssertionError("unreachable")


def _make_directory(directory: Path) -> None:
    """Make ``directory`` and its parents, private to us (``os.makedirs`` gives its mode to the last one only)."""
    try:
        directory.mkdir(0o700)
    except FileExistsError:
        return
    except FileNotFoundError:
        _make_directory(directory.parent)
        with suppress(FileExistsError):
            directory.mkdir(0o700)
    fd = os.open(directory.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
