"""What the operating system says about a file, said as a store error with what to do next."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dr.errors import ObjectMissing, StoreDenied, StoreError, StoreFull, StoreUnavailable

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_MISSING = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR}
_READING = ("read", "look at")
_AWAY = {errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ENOTCONN, errno.EAGAIN}


def translate(error: OSError, store: str, path: Path, doing: str) -> StoreError:
    """The store error for ``error``, met while ``doing`` (``read an object``, ...) something at ``path``."""
    detail = f"{path}: {error.strerror or error}"
    what = f"cannot {doing} in store {store}"
    if error.errno in _FULL:
        return StoreFull(
            f"{what}: no space left",
            detail,
            f"Free space on the file system of {path.parent} (quota, inodes and file size limits count too), "
            "expire old backups, or point the store at another disk.",
        )
    if error.errno in _DENIED:
        return StoreDenied(
            f"{what}: permission denied",
            detail,
            f"Let the user that runs backups own {path.parent}, and see that it is not mounted read-only.",
        )
    if error.errno in _MISSING and doing.startswith(_READING):
        return ObjectMissing(
            f"no object in store {store} under that name",
            detail,
            "List what is there with 'dr list'; if the disk should be mounted at that place, mount it.",
        )
    if error.errno in _AWAY:
        return StoreUnavailable(
            f"{what}: the file server does not answer", detail, "Check the network mount, then retry."
        )
    if error.errno in _MISSING:
        return StoreError(
            what, detail, "A file stands where a directory is needed, or a directory where a file is: move it."
        )
    return StoreError(what, detail, "Look in the kernel log (dmesg) for trouble with that disk or mount.")


@contextmanager
def translated(store: str, path: Path, doing: str) -> Iterator[None]:
    """Raise ``StoreError`` for every OSError inside."""
    try:
        yield
    except OSError as error:
        raise translate(error, store, path, doing) from error
