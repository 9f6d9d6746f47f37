"""What of a data directory is its host's own, and a copy of all of it, while another server's takes its place."""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from dr.errors import DrError, RecoveryFailed
from dr.pipeline.process import run
from dr.postgres.account import make_directory
from dr.postgres.following import PASSWORDS

_DEADLINE_SECONDS = 12 * 3600
_OWN = ("*.conf", "*.crt", "*.key", "*.pem", PASSWORDS)
"""Files of a data directory that are the host's and not the cluster's: addresses, ports, access, certificates."""
_REPLACED = "_replaced_"


@contextmanager
def own_files_kept(directory: Path) -> Iterator[None]:
    """What happens inside may replace the host's own files in ``directory``; afterwards they are as they were.

    Also after an error of ours: whatever then stands in for the directory takes them from there.
    """
    aside = directory.with_name(f"{directory.name}_own_files")
    if not aside.exists():
        making = directory.with_name(f"{directory.name}_own_files.making")
        shutil.rmtree(making, ignore_errors=True)
        make_directory(making, directory)
        for file in _own_files(directory):
            shutil.copy2(file, making / file.name)
            _give(making / file.name, directory)
        making.rename(aside)
    try:
        yield
    except DrError:
        put_back_own_files(directory)
        raise
    put_back_own_files(directory)


def put_back_own_files(directory: Path) -> None:
    """Bring back what ``own_files_kept`` had put aside, also after a crash in the midst of it."""
    aside = directory.with_name(f"{directory.name}_own_files")
    if not aside.exists() or not directory.exists():
        return
    kept = {file.name for file in aside.iterdir()}
    for file in _own_files(directory):
        if file.name not in kept:
            file.unlink()
    for file in aside.iterdir():
        shutil.copy2(file, directory / file.name)
        _give(directory / file.name, directory)
    shutil.rmtree(aside)


def _own_files(directory: Path) -> list[Path]:
    return sorted({file for pattern in _OWN for file in directory.glob(pattern) if file.is_file()})


def _give(file: Path, owner_of: Path) -> None:
    if os.geteuid() == 0:
        owner = owner_of.stat()
        os.chown(file, owner.st_uid, owner.st_gid)


def set_aside(directory: Path) -> Path:
    """A name for a directory that another is to stand in for."""
    return directory.with_name(f"{directory.name}{_REPLACED}{datetime.now(UTC):%Y%m%d_%H%M%S}")


def take_own_files(directory: Path, making: Path) -> None:
    """Give ``making`` the host's own files of ``directory``, for which it is to stand in.

    Where that is not there, for an attempt was cut off in between, they are in the one that was set aside last.
    """
    kept = sorted(directory.parent.glob(f"{glob.escape(directory.name)}{_REPLACED}*"))
    for old in (directory, *kept[-1:]):
        if old.exists():
            break
    else:
        return
    for file in _own_files(old):
        shutil.copy2(file, making / file.name)
        _give(making / file.name, making)


def keep_copy(directory: Path, stamp: str) -> Path:
    """Copy a stopped server's directory aside, whole, before anything is changed in it; where the copy is.

    Its tablespaces go into ``<copy>_tablespaces``, and the copy's links lead there. What an earlier attempt left
    half-made is made anew.
    """
    copy = directory.with_name(f"{directory.name}_diverged_{stamp}")
    if copy.exists():
        return copy
    making, spaces = copy.with_name(f"{copy.name}.making"), copy.with_name(f"{copy.name}_tablespaces")
    shutil.rmtree(making, ignore_errors=True)
    shutil.rmtree(spaces, ignore_errors=True)
    _copy(directory, making)
    for link in sorted((making / "pg_tblspc").iterdir()):
        make_directory(spaces, directory)
        _copy(link.resolve(), spaces / link.name)
        link.unlink()
        link.symlink_to(spaces / link.name)
    # Its name says that it is whole: so has to be what is on the disk when the power fails.
    for whole in (making, spaces):
        if whole.exists():
            _to_disk(whole)
    making.rename(copy)
    _to_disk(copy.parent)
    return copy


def _to_disk(place: Path) -> None:
    """Everything of the file system that it lies in: of so many files cheaper than one by one."""
    ended, _ = run("sync", ("sync", "--file-system", place), deadline_seconds=_DEADLINE_SECONDS)
    if not ended.ok:
        raise RecoveryFailed(f"{place} is not safe on its disk", str(ended), "See what is wrong with that disk.")


def _copy(source: Path, target: Path) -> None:
    argv = ("cp", "--archive", "--reflink=auto", "--", source, target)
    ended, _ = run("cp", argv, deadline_seconds=_DEADLINE_SECONDS)
    if not ended.ok:
        shutil.rmtree(target, ignore_errors=True)
        raise RecoveryFailed(
            f"{source} cannot be copied aside", str(ended), "Free space beside it: nothing is changed without a copy."
        )
