"""Is somebody at work on a state? Terraform's own locks, looked at and never taken: a run of ours that died would leave
a lock that keeps everybody out.
"""

from __future__ import annotations

import fcntl
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from dr.components.terraform.backend import Backend
from dr.configuration.model import StoreSettings
from dr.errors import ObjectMissing, SourceBusy
from dr.storage.opening import open_store

_FLOCK = "hhqqi4x"
_PAUSE = 0.5


class LockInfo(msgspec.Struct):
    """What Terraform notes about a lock: who took it, for what, when."""

    ID: str = ""
    Operation: str = ""
    Who: str = ""
    Created: str = ""

    def described(self) -> str:
        return f"{self.Who or 'somebody'}: {self.Operation or 'unknown operation'} since {self.Created or '?'}"


def parse_lock(data: bytes) -> LockInfo:
    """An unreadable note is a lock all the same."""
    try:
        return msgspec.json.decode(data, type=LockInfo)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return LockInfo()


def local_lock(path: Path) -> tuple[LockInfo | None, LockInfo | None]:
    """The lock that is held on a state file, and the note of one that nobody holds: a killed run leaves it."""
    try:
        noted = parse_lock(path.with_name(f".{path.name}.lock.info").read_bytes())
    except FileNotFoundError:
        noted = None
    if _held(path):
        return noted or LockInfo(), None
    return None, noted


def _held(path: Path) -> bool:
    """Whether a process has the state file locked for writing, as Terraform does for as long as it is at work."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        asked = struct.pack(_FLOCK, fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
        return bool(struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))[0] != fcntl.F_UNLCK)
    finally:
        os.close(descriptor)


def s3_lock(backend: Backend, workspace: str) -> LockInfo | None:
    """The lock object beside a state in S3. Raises StoreError when it cannot be looked for."""
    values = backend.values
    key = values.get("key", "")
    if workspace != "default":
        key = f"{values.get('workspace_key_prefix', 'env:')}/{workspace}/{key}"
    store = open_store(
        StoreSettings(
            "state",
            "s3",
            bucket=values.get("bucket", ""),
            region=values.get("region"),
            endpoint_url=values.get("endpoints.s3") or values.get("endpoint") or os.environ.get("AWS_ENDPOINT_URL_S3"),
            access_key_id=values.get("access_key"),
            secret_access_key=backend.secret_key,
            profile=values.get("profile"),
        )
    )
    try:
        return parse_lock(store.read_bytes(f"{key.lstrip('/')}.tflock"))
    except ObjectMissing:
        return None


def wait_until_free(what: str, look: Callable[[], LockInfo | None], patience: float) -> None:
    """Raises SourceBusy, naming who holds it, when the lock is still there after ``patience`` seconds."""
    end = time.monotonic() + patience
    while (lock := look()) is not None:
        if time.monotonic() >= end:
            raise SourceBusy(
                f"the state of {what} is locked: somebody is changing it",
                detail=lock.described(),
                hint="Wait for them. If that run is dead: terraform force-unlock, after making sure of it.",
            )
        time.sleep(_PAUSE)


def lock_notice(backend: Backend) -> str:
    """Why locks of a backend are not seen from here; empty when they are."""
    if backend.local or backend.values.get("use_lockfile") == "true":
        return ""
    return f"locks of its backend ({backend.kind}) cannot be looked at: a change that was under way is not told"
