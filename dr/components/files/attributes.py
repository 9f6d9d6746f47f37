"""What a path has beside its content: owner's and group's names, extended attributes, access lists among them."""

from __future__ import annotations

import base64
import errno
import grp
import os
import pwd
import stat
from functools import cache
from urllib.parse import quote_from_bytes, unquote_to_bytes

from dr.catalog import file_index as index

_NONE = {errno.ENOTSUP, errno.ENODATA, errno.ENOENT, errno.EPERM, errno.EACCES, errno.ENOTDIR}
_TYPES = (
    (stat.S_ISREG, index.FILE),
    (stat.S_ISDIR, index.DIRECTORY),
    (stat.S_ISLNK, index.SYMLINK),
    (stat.S_ISFIFO, index.FIFO),
    (stat.S_ISSOCK, index.SOCKET),
    (stat.S_ISCHR, index.CHARACTER_DEVICE),
    (stat.S_ISBLK, index.BLOCK_DEVICE),
)


def type_of(mode: int) -> str:
    """The index's word for what a mode says it is."""
    return next(name for test, name in _TYPES if test(mode))


def device_of(status: os.stat_result) -> tuple[int, int]:
    """Major and minor number of a device; zeros of anything else."""
    if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        return os.major(status.st_rdev), os.minor(status.st_rdev)
    return 0, 0


@cache
def user_name(uid: int) -> str:
    """Empty where the number has no name here."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


@cache
def group_name(gid: int) -> str:
    """Empty where the number has no name here."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return ""


@cache
def uid_here(uid: int, name: str) -> int:
    """The number that belongs to the name on this host, as tar does it; the old number where the name is unknown."""
    try:
        return pwd.getpwnam(name).pw_uid if name else uid
    except KeyError:
        return uid


@cache
def gid_here(gid: int, name: str) -> int:
    """The same for a group."""
    try:
        return grp.getgrnam(name).gr_gid if name else gid
    except KeyError:
        return gid


def read_xattrs(path: bytes) -> dict[str, str]:
    """Extended attributes in the index's form. What the file system or our rights do not give is not there."""
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError as error:
        if error.errno in _NONE:
            return {}
        raise
    found = {}
    for name in names:
        try:
            value = os.getxattr(path, name, follow_symlinks=False)
        except OSError as error:
            if error.errno in _NONE:
                continue
            raise
        found[quote_from_bytes(os.fsencode(name))] = base64.b64encode(value).decode()
    return found


def plain_xattrs(stored: dict[str, str]) -> dict[bytes, bytes]:
    """Names and values as the file system has them."""
    return {unquote_to_bytes(name): base64.b64decode(value) for name, value in stored.items()}
