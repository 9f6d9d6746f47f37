"""Which directories on this host are a full recovery's own: only these may be cleared, whatever else lies around.

A file beside the directory says which run made it and which directory exactly (device and inode): one that somebody
else has put there since is not ours, though it has the same name.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from dr.errors import StoreFull, TargetRefused
from dr.operations.unpack_cluster import empty

_BEGUN: Literal["begun"] = "begun"
_WHOLE: Literal["whole"] = "whole"


class Mark(msgspec.Struct, frozen=True):
    """``run`` is the journal's name. ``begun``: it may be half there; ``whole``: it was restored to its end."""

    run: str
    state: Literal["begun", "whole"]
    device: int
    inode: int


def mark_of(directory: Path) -> Path:
    """The file beside it."""
    return directory.with_name(f".{directory.name}.full-recovery")


def is_free(directory: Path, run: str = "") -> bool:
    """Whether ``claim`` would take it: nothing there, or nothing but what a full recovery of ours left half-made."""
    return _holds_nothing(directory) or _is_ours(directory, run)


def claim(directory: Path, run: str, *, others: tuple[Path, ...] = ()) -> None:
    """Make it ours, and empty; ``others`` are directories that belong to it and are removed with what it holds.

    What a run of ours left half-made is cleared, and what this very ``run`` has made. Raises ``TargetRefused`` for
    anything else that holds something.
    """
    mark = mark_of(directory)
    if not _holds_nothing(directory):
        if not _is_ours(directory, run):
            raise TargetRefused(
                f"{directory} holds something that no full recovery of ours left there",
                hint="Nothing is overwritten: move it aside, or name another place in the section recovery.",
            )
        empty(directory, remove=False)
    for other in others:
        if other.exists() and mark.exists():
            empty(other, remove=True)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(directory, run, _BEGUN)


def whole(directory: Path, run: str) -> None:
    """It has been restored to its end: from now on only the same run may clear it."""
    _write(directory, run, _WHOLE)


def release(directory: Path) -> None:
    """It belongs to the product again."""
    mark_of(directory).unlink(missing_ok=True)


@contextmanager
def taking_space(place: Path) -> Iterator[None]:
    """What the operating system refuses in here, as an error that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = "Make room there, and run it again: it goes on where it was."
            raise StoreFull(f"{place} is full", str(error), hint) from error
        raise TargetRefused(
            f"{place} does not take what is restored: {error.strerror}", str(error), "Mend that, and run it again."
        ) from error


def _holds_nothing(directory: Path) -> bool:
    if directory.is_symlink():
        return False
    try:
        return not any(directory.iterdir())
    except FileNotFoundError:
        return True
    except OSError:
        return False  # a file, or what this account may not look into


def _is_ours(directory: Path, run: str) -> bool:
    try:
        mark = msgspec.json.decode(mark_of(directory).read_bytes(), type=Mark)
        found = directory.lstat()
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return False
    same = (mark.device, mark.inode) == (found.st_dev, found.st_ino)
    return same and (mark.state == _BEGUN or mark.run == run)


def _write(directory: Path, run: str, state: Literal["begun", "whole"]) -> None:
    found = directory.lstat()
    mark = mark_of(directory)
    temporary = mark.with_name(f"{mark.name}.tmp")
    with temporary.open("wb") as stream:
        stream.write(msgspec.json.encode(Mark(run, state, found.st_dev, found.st_ino)))
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(mark)
