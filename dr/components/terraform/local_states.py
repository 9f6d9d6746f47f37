"""State files read as files: no program is needed, and none of its locks is taken.

Terraform writes a local state in place. A file that is being written is told by the lock on it, and one that changed
while it was read is read again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from dr.components.terraform.backend import Backend
from dr.components.terraform.locks import LockInfo, local_lock, wait_until_free
from dr.components.terraform.state import State, parse_state
from dr.errors import SourceBusy, SourceError, SourceInvalid

DEFAULT = "default"
STATE = "terraform.tfstate"
WORKSPACES = "terraform.tfstate.d"


@dataclass(frozen=True, slots=True)
class Taken:
    """One state as it was read: its bytes, what they say, and what to warn of."""

    workspace: str
    data: bytes
    state: State
    warnings: tuple[str, ...] = ()


def state_paths(directory: Path, backend: Backend) -> dict[str, Path]:
    """Where a local backend has the state of each workspace that has one."""
    found = {DEFAULT: directory / (backend.values.get("path") or STATE)}
    others = directory / (backend.values.get("workspace_dir") or WORKSPACES)
    if others.is_dir():
        found |= {place.name: place / STATE for place in sorted(others.iterdir())}
    return {name: path for name, path in found.items() if path.is_file() and path.stat().st_size}


def read_state_file(name: str, workspace: str, path: Path, patience: float) -> Taken:
    """Raises SourceBusy when it stays locked or keeps changing for ``patience`` seconds, SourceInvalid for no state."""
    stale: list[LockInfo] = []

    def look() -> LockInfo | None:
        held, left = local_lock(path)
        stale[:] = [left] if left else []
        return held

    end = time.monotonic() + patience
    try:
        while True:
            wait_until_free(f"{name}, workspace {workspace},", look, max(0.0, end - time.monotonic()))
            before = _stamp(path)
            data = path.read_bytes()
            if look() is None and _stamp(path) == before:
                break
            if time.monotonic() >= end:
                raise SourceBusy(f"{path} changes all the while", hint="Wait until nobody applies anything.")
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read", str(error), "Let the account that makes backups read it."
        ) from error
    warnings = tuple(
        f"{workspace}: a run that is gone has left a lock ({lock.described()}): its work may be half done"
        for lock in stale
    )
    return Taken(workspace, data, parsed(name, workspace, data), warnings)


def parsed(name: str, workspace: str, data: bytes) -> State:
    """Raises SourceInvalid: a copy of a damaged state would be worth nothing."""
    try:
        return parse_state(data)
    except ValueError as error:
        raise SourceInvalid(
            f"the state of {name}, workspace {workspace}, is damaged",
            str(error),
            "Repair it from terraform.tfstate.backup or an older backup (dr list); nothing was stored.",
        ) from error


def _stamp(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns
