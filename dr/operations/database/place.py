"""Production's own data directory: whose it is, whether it can be exchanged, and what lies beside it in a recovery.

A recovery never writes into it. The copy is made beside it, and the two change places by renaming when the copy has
proven itself; the old one is kept. So at any moment the whole of one of them is there.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dr.configuration.model import System
from dr.errors import BackupInvalid, ConfigurationError, IdentityMismatch, TargetRefused
from dr.operations.check_source import bin_directories
from dr.postgres.control_data import control_data
from dr.postgres.installations import server_for
from dr.postgres.postmaster import postmaster_pid

_ASIDE = ".before_"
_STAGED = ".recovered_"
_UNDONE = ".undone_"
_STAMP = "%Y%m%d_%H%M%S"
_VERSION = "PG_VERSION"


@dataclass(frozen=True, slots=True)
class Place:
    """``data`` is production's, ``staged`` the copy in the making, ``aside`` where production's goes."""

    data: Path
    staged: Path
    aside: Path


@dataclass(frozen=True, slots=True)
class Occupied:
    """What lies in production's place now. ``identifier`` is empty where the control file cannot be read."""

    there: bool
    identifier: str
    warnings: tuple[str, ...]


def data_directory(system: System) -> Path:
    """Production's data directory, with links followed: what is renamed is the directory, not a link to it."""
    configured = system.procedures.recovery.data_directory
    if configured is None:
        raise ConfigurationError(
            "nothing says where production's data directory is",
            hint="Set recovery.data_directory, or restore beside (dr recover-db without --in-place and --swap).",
        )
    return Path(os.path.realpath(configured))


def place_at(system: System, moment: datetime) -> Place:
    """The names for a recovery that began at ``moment``."""
    data = data_directory(system)
    stamp = f"{moment:{_STAMP}}"
    return Place(data, data.with_name(f"{data.name}{_STAGED}{stamp}"), data.with_name(f"{data.name}{_ASIDE}{stamp}"))


def place_to_undo(system: System, moment: datetime, kept: Path) -> Place:
    """``kept`` was set aside and takes production's place again; what is there now goes aside as undone."""
    data = data_directory(system)
    return Place(data, kept, data.with_name(f"{data.name}{_UNDONE}{moment:{_STAMP}}"))


def identity_of(directory: Path) -> str:
    """What a directory keeps when it is renamed and the host restarted, and no other of the same parent has.

    An inode alone is given to the next directory as soon as one is removed; that of a file within it, with its time,
    is not. Device numbers are not stable, and none is needed: whoever was renamed is on the parent's file system.
    """
    if os.path.ismount(directory):
        return "a file system of its own"
    version = directory / _VERSION
    within = f"{version.stat().st_ino} {version.stat().st_mtime_ns}" if version.is_file() else "without PG_VERSION"
    return f"{directory.stat().st_ino} {within}"


def last_ran(data: Path) -> int:
    """When a server has last written the control file, in ns; 0 where there is none. Each start of one changes it."""
    try:
        return (data / "global" / "pg_control").stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def set_aside(data: Path) -> tuple[Path, ...]:
    """The directories that recoveries have kept, oldest first."""
    name = re.compile(rf"{re.escape(data.name)}{re.escape(_ASIDE)}\d{{8}}_\d{{6}}")
    if not data.parent.is_dir():
        return ()
    return tuple(sorted(path for path in data.parent.iterdir() if name.fullmatch(path.name) and path.is_dir()))


def leftovers(data: Path) -> tuple[Path, ...]:
    """Copies of recoveries that were not brought to their end."""
    name = re.compile(rf"{re.escape(data.name)}{re.escape(_STAGED)}\d{{8}}_\d{{6}}")
    if not data.parent.is_dir():
        return ()
    return tuple(sorted(path for path in data.parent.iterdir() if name.fullmatch(path.name)))


def look_at(system: System, data: Path, major: int) -> Occupied:
    """Raises ``TargetRefused`` where nothing could be exchanged."""
    if not data.exists():
        return Occupied(False, "", (f"{data} is not there: nothing has to be set aside",))
    _require_renamable(data)
    if not (data / _VERSION).is_file():
        raise TargetRefused(
            f"{data} holds no data of PostgreSQL: it has no {_VERSION}",
            hint="Correct recovery.data_directory. Where it is what is left of production's: move it away yourself.",
        )
    warnings = []
    identifier = ""
    try:
        found = control_data(data, server_for(major, bin_directories(system)))
        identifier = found.get("Database system identifier", "")
    except BackupInvalid as error:
        warnings.append(f"whose data {data} is cannot be seen ({error.detail}): it is taken for this system's")
    wal = data / "pg_wal"
    if wal.is_symlink():
        warnings.append(f"WAL lies on {os.path.realpath(wal)} today, and will lie within {data}")
    spaces = sorted((data / "pg_tblspc").glob("*")) if (data / "pg_tblspc").is_dir() else []
    if spaces:
        where = ", ".join(os.path.realpath(space) for space in spaces)
        warnings.append(f"tablespaces are restored beside {data}; the old ones stay where they are: {where}")
    return Occupied(True, identifier, tuple(warnings))


def require_ours(occupied: Occupied, data: Path, identifier: str) -> None:
    """Raise ``IdentityMismatch`` when the directory is another cluster's than the backup (I4)."""
    if occupied.identifier and identifier and occupied.identifier != identifier:
        raise IdentityMismatch(
            f"{data} is the data of another cluster than the backup",
            detail=f"system identifier {occupied.identifier} there, {identifier} in the backup; nothing was touched",
            hint="Correct recovery.data_directory, or the name of the system.",
        )


def require_stopped(data: Path) -> None:
    """Raise ``TargetRefused`` while a server runs in the directory (I4)."""
    pid = postmaster_pid(data)
    if pid is not None:
        raise TargetRefused(
            f"a PostgreSQL server runs in {data}",
            detail=f"process {pid}",
            hint="Stop it (recovery.database_service must be the service that runs it), then run this again.",
        )


def _require_renamable(data: Path) -> None:
    if not data.is_dir():
        raise TargetRefused(f"{data} is no directory", hint="Correct recovery.data_directory.")
    if os.path.ismount(data) or data.stat().st_dev != data.parent.stat().st_dev:
        raise TargetRefused(
            f"{data} is a file system of its own and cannot be renamed",
            hint="Restore beside (without --in-place and --swap), and put it into service by hand.",
        )
    if not os.access(data.parent, os.W_OK):
        raise TargetRefused(
            f"{data.parent} cannot be written to by this account", hint="Run it as the owner of it, or as root."
        )
