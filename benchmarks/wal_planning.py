"""How long it takes to see what can be recovered over years of backups and WAL: the window, and the newest backups."""

from __future__ import annotations

import itertools
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.wal_history import SYSTEM, history
from dr.configuration.model import EncryptionSettings, PostgresSettings, StoreSettings, System
from dr.demo.endpoint import BUCKET, s3_endpoint
from dr.operations.repositories import open_repository
from dr.operations.wal.window import find_window
from dr.secret import Secret

_FEW = 10


@dataclass(frozen=True, slots=True)
class Planning:
    """Seconds for the window and for the newest ten backups, over one store; manifests that the window had to read."""

    store: str
    window_seconds: float
    newest_seconds: float
    manifests_read: int


def planning(work: Path, backups: int, segments: int) -> tuple[Planning, ...]:
    """The same history in a directory, and behind an S3 endpoint (rclone) over that directory."""
    root = work / "history"
    (root / BUCKET).mkdir(parents=True)
    for key, data in history(backups, segments):
        file = root / BUCKET / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    found = [_measure("local", _system(StoreSettings("local", "local", path=root / BUCKET), work))]
    served = work / "served"
    served.mkdir()
    with s3_endpoint(served, moto=False) as endpoint:
        cloud = endpoint.wait()
        (served / BUCKET).rmdir()
        (root / BUCKET).rename(served / BUCKET)
        found.append(_measure("S3 endpoint", _system(cloud, work)))
    shutil.rmtree(served)
    return tuple(found)


def _system(store: StoreSettings, work: Path) -> System:
    return System(SYSTEM, PostgresSettings(Secret("")), (store,), EncryptionSettings(), state_directory=work / "state")


def _measure(name: str, system: System) -> Planning:
    """The better of three looks: the first one warms the page cache, and nobody plans on a machine just switched on."""
    windows, newest, read = [], [], 0
    for _ in range(3):
        begin = time.monotonic()
        read = find_window(system).manifests_read
        windows.append(time.monotonic() - begin)
        begin = time.monotonic()
        list(itertools.islice(open_repository(system).newest_first(), _FEW))
        newest.append(time.monotonic() - begin)
    return Planning(name, min(windows), min(newest), read)
