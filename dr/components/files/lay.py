"""Bringing one path back with its owner, mode, times and attributes. What this host or user cannot do is counted."""

from __future__ import annotations

import os
import stat
import threading
from contextlib import suppress
from pathlib import Path

from dr.catalog import file_index as index
from dr.catalog.file_index import FileEntry
from dr.components.files.attributes import gid_here, plain_xattrs, uid_here

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SPECIAL = {index.FIFO: stat.S_IFIFO, index.CHARACTER_DEVICE: stat.S_IFCHR, index.BLOCK_DEVICE: stat.S_IFBLK}


class Shortfalls:
    """How often something could not be made as it was, by what it was."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.counts: dict[str, int] = {}

    def add(self, what: str) -> None:
        """Once more."""
        with self._lock:
            self.counts[what] = self.counts.get(what, 0) + 1


def new_file(path: bytes, entry: FileEntry, content: bytes, shortfalls: Shortfalls) -> None:
    """A whole small file at once."""
    descriptor = os.open(path, _NEW, 0o600)
    try:
        write_at(descriptor, content, 0)
        dress(descriptor, entry, shortfalls)
    finally:
        os.close(descriptor)


def hollow_file(path: bytes, entry: FileEntry) -> None:
    """A file of the right length that is one hole; its pieces come one by one."""
    descriptor = os.open(path, _NEW, 0o600)
    try:
        os.ftruncate(descriptor, entry.size)
    finally:
        os.close(descriptor)


def put_piece(path: bytes, content: bytes, offset: int) -> None:
    """One piece of a file that is there already."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        write_at(descriptor, content, offset)
    finally:
        os.close(descriptor)


def write_at(descriptor: int, content: bytes, offset: int) -> None:
    """All of it; a file system may take less at a time."""
    view = memoryview(content)
    while view:
        count = os.pwrite(descriptor, view, offset)
        view, offset = view[count:], offset + count


def dress_path(path: bytes, entry: FileEntry, shortfalls: Shortfalls) -> None:
    """The same as ``dress`` for a file or directory that is complete."""
    kind = os.O_DIRECTORY if entry.type == index.DIRECTORY else 0
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | kind)
    try:
        dress(descriptor, entry, shortfalls)
    finally:
        os.close(descriptor)


def dress(descriptor: int, entry: FileEntry, shortfalls: Shortfalls) -> None:
    """Owner first, for a change of it takes capabilities and set-id bits away; the time last."""
    try:
        os.fchown(descriptor, uid_here(entry.uid, entry.user), gid_here(entry.gid, entry.group))
    except OSError:
        shortfalls.add("owners")
    for name, value in plain_xattrs(entry.xattrs).items() if entry.xattrs else ():
        try:
            os.setxattr(descriptor, name, value)
        except OSError:
            shortfalls.add("extended attributes")
    os.fchmod(descriptor, int(entry.mode, 8))
    os.utime(descriptor, ns=(entry.mtime_ns, entry.mtime_ns))


def make_symlink(path: bytes, entry: FileEntry, shortfalls: Shortfalls) -> None:
    """A symbolic link; it is never followed."""
    Path(os.fsdecode(path)).symlink_to(os.fsdecode(entry.link_target))
    _dress_unopened(path, entry, shortfalls)


def make_special(path: bytes, entry: FileEntry, shortfalls: Shortfalls) -> None:
    """A pipe or device. A socket is its server's to make."""
    kind = _SPECIAL.get(entry.type)
    if kind is None:
        shortfalls.add("sockets")
        return
    try:
        os.mknod(path, kind | int(entry.mode, 8), os.makedev(*entry.device))
    except PermissionError:
        shortfalls.add("devices")
        return
    _dress_unopened(path, entry, shortfalls)
    Path(os.fsdecode(path)).chmod(int(entry.mode, 8))
    os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns))


def _dress_unopened(path: bytes, entry: FileEntry, shortfalls: Shortfalls) -> None:
    try:
        os.lchown(path, uid_here(entry.uid, entry.user), gid_here(entry.gid, entry.group))
    except OSError:
        shortfalls.add("owners")
    for name, value in plain_xattrs(entry.xattrs).items():
        try:
            os.setxattr(path, name, value, follow_symlinks=False)
        except OSError:
            shortfalls.add("extended attributes")
    with suppress(NotImplementedError):
        os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns), follow_symlinks=False)
