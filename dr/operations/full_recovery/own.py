"""Which directories on this host are a full recovery's own: only these may be cleared, whatever else lies around.

A file beside the directory says which run made it and which directory exactly (device and inode). That is not enough:
a number is given again to the next directory, and one that was emptied may have been filled by hand since. So while it
is half-made there is a file in it as well, and of one that is whole it is noted when it was last changed.
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
from dr.postgres.data_directory import UNFINISHED, read_unfinished, write_unfinished

_BEGUN: Literal["begun"] = "begun"
_WHOLE: Literal["whole"] = "whole"


class Mark(msgspec.Struct, frozen=True):
    """``run`` is the journal's name. ``begun``: it may be half there; ``whole``: it was restored to its end.

    ``changed`` is the directory's own time (ns) when it was whole, also while that is being cleared again. ``room``: it
    lies where nobody but us writes.
    """

    run: str
    state: Literal["begun", "whole"]
    device: int
    inode: int
    changed: int = 0
    room: bool = False


# Made before there are threads: of two that meet a type for the first time, one sees it half built and dies (SIGSEGV).
_decoder = msgspec.json.Decoder(Mark)


def mark_of(directory: Path) -> Path:
    """The file beside it."""
    return directory.with_name(f".{directory.name}.full-recovery")


def in_the_way(directory: Path, run: str = "", others: tuple[Path, ...] = ()) -> tuple[Path, ...]:
    """What ``claim`` would refuse: the directory, or ``others`` that hold something and belong to none of ours."""
    if _is_ours(directory, run):
        return ()
    return tuple(path for path in (directory, *others) if not _holds_nothing(path))


def is_free(directory: Path, run: str = "") -> bool:
    """Whether ``claim`` would take it: nothing there, or nothing but what a full recovery of ours left half-made."""
    return not in_the_way(directory, run)


def claim(directory: Path, run: str, *, others: tuple[Path, ...] = (), room: bool = False) -> None:
    """Make it ours, and empty; ``others`` are directories that belong to it and are removed with what it holds.

    What a run of ours left half-made is cleared, and what this very ``run`` has made. Raises ``TargetRefused`` for
    anything else that holds something. ``room``: no file in it is needed to tell.
    """
    taken = in_the_way(directory, run, others)
    if taken:
        raise TargetRefused(
            f"{', '.join(map(str, taken))} holds something that no full recovery of ours left there",
            hint="Nothing is overwritten: move it aside, or name another place in the section recovery.",
        )
    _unmake(directory)
    for other in others:  # first: by what is in the directory they are known as ours
        if not other.is_symlink():
            empty(other, remove=True)
    empty(directory, remove=False)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(directory, run, _BEGUN, room=room)
    if not room:
        write_unfinished(directory, run)


def _unmake(directory: Path) -> None:
    """Clearing takes a while, and who dies in it must not leave what was whole as something that nobody knows."""
    mark = _mark(directory)
    if mark is None or mark.room or read_unfinished(directory) == mark.run:
        return
    _write(directory, mark.run, _BEGUN, room=False, changed=mark.changed)
    write_unfinished(directory, mark.run)


def whole(directory: Path, run: str, *, room: bool = False) -> None:
    """It has been restored to its end: from now on only the same run may clear it, until something else changes it."""
    (directory / UNFINISHED).unlink(missing_ok=True)
    _write(directory, run, _WHOLE, room=room)


def half_made_by(directory: Path) -> str:
    """The run of ours that has left it half-made; empty where none has."""
    mark = _mark(directory)
    begun = mark is not None and mark.state == _BEGUN and not mark.room and read_unfinished(directory) == mark.run
    return mark.run if mark is not None and begun else ""


def give_back(directory: Path) -> None:
    """Where nothing was laid after all, nothing of ours stays: whoever comes next finds it empty."""
    if _holds_nothing(directory) and half_made_by(directory):
        (directory / UNFINISHED).unlink()
        release(directory)


def go_on(directory: Path, run: str) -> bool:
    """Make ours what a run of ours left half-made, with all that is in it; False where it is not that."""
    if not half_made_by(directory):
        return False
    _write(directory, run, _BEGUN, room=False)
    write_unfinished(directory, run)
    return True


def is_whole(directory: Path, run: str) -> bool:
    """Whether this very ``run`` has restored it to its end, whatever came into it since; not where it was emptied."""
    mark = _mark(directory)
    return mark is not None and (mark.state, mark.run) == (_WHOLE, run) and not _holds_nothing(directory)


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
        return all(entry.name == UNFINISHED for entry in directory.iterdir())
    except FileNotFoundError:
        return True
    except OSError:
        return False  # a file, or what this account may not look into


def _mark(directory: Path) -> Mark | None:
    """Its mark; None where there is none, or one that is of another directory."""
    try:
        mark = _decoder.decode(mark_of(directory).read_bytes())
        found = directory.lstat()
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return None
    return mark if (mark.device, mark.inode) == (found.st_dev, found.st_ino) else None


def _is_ours(directory: Path, run: str) -> bool:
    mark = _mark(directory)
    if mark is None:
        return False
    if mark.state == _BEGUN and (mark.room or read_unfinished(directory) == mark.run):
        return True
    return mark.run == run and (mark.room or mark.changed == directory.lstat().st_ctime_ns)


def _write(
    directory: Path, run: str, state: Literal["begun", "whole"], *, room: bool, changed: int | None = None
) -> None:
    found = directory.lstat()
    mark = mark_of(directory)
    temporary = mark.with_name(f"{mark.name}.tmp")
    with temporary.open("wb") as stream:
        if changed is None:
            changed = found.st_ctime_ns if state == _WHOLE else 0
        made = Mark(run, state, found.st_dev, found.st_ino, changed, room)
        stream.write(msgspec.json.encode(made))
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(mark)
