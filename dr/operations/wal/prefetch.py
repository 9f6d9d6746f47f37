"""Fetch the WAL of a recovery in the background, in replay order, while the backup is restored and then replayed.

The spool lies beside the data directory. It can be left and taken up again by another step: what lies in it stays, and
nothing is fetched twice. Never more than ``AHEAD_BYTES`` wait in it, however long the WAL is.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from dr.configuration.model import System
from dr.crypto.gnupg import opened
from dr.errors import DrError
from dr.operations.repositories import open_repository
from dr.operations.wal.fetch import STEP, PieceFetcher
from dr.pipeline.launch import Account
from dr.policy.recovery_point import RecoveryPoint, WalPiece
from dr.postgres.account import make_directory
from dr.postgres.data_directory import check_target
from dr.postgres.recovery_settings import FAILED, HANDED, PLANNED, READY, SCRIPT, planned_list, restore_script
from dr.progress import reporter, reporting_to

logger = logging.getLogger(__name__)

AHEAD_BYTES = 8 << 30


def spool_of(directory: Path) -> Path:
    """Where the WAL of a recovery into ``directory`` waits."""
    return directory.with_name(directory.name + "_wal")


def make_spool(directory: Path, point: RecoveryPoint) -> Path:
    """A new spool with the script, the list of what will come, and the history files, which the server wants first."""
    spool = spool_of(directory)
    check_target(spool)
    directory.parent.mkdir(parents=True, exist_ok=True)
    owner = directory if directory.exists() else directory.parent
    account = make_directory(spool, owner)
    make_directory(spool / READY, owner)
    make_directory(spool / HANDED, owner)
    _write(spool / PLANNED, planned_list(piece.name for piece in point.pieces), account)
    _write(spool / SCRIPT, restore_script(), account)
    for history in point.histories:
        _write(spool / READY / history.name, history.content, account)
    return spool


def remove_spool(directory: Path) -> None:
    """The spool is of no use once the copy runs, or has failed."""
    shutil.rmtree(spool_of(directory), ignore_errors=True)


def _write(file: Path, text: str, account: Account) -> None:
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)
    if account.uid is not None and not account.namespace:
        shutil.chown(file, account.uid, account.gid)


class Prefetch:
    """The threads that fill a spool. As a context manager it stops them; what is there stays there."""

    def __init__(self, point: RecoveryPoint, fetcher: PieceFetcher, spool: Path, threads: int) -> None:
        self._point, self._fetcher, self._spool = point, fetcher, spool
        here = {entry.name for place in (READY, HANDED) for entry in os.scandir(spool / place)}
        self._pending = iter([piece for piece in point.pieces if piece.name not in here])
        self._wake = threading.Condition()
        self._stopped = False
        self._ahead = max(threads, AHEAD_BYTES // point.segment_bytes)
        self._watcher = reporter()
        self.error: DrError | None = None
        self.fetched = 0
        self._threads = [threading.Thread(target=self._run, daemon=True, name=f"WAL {n}") for n in range(threads)]

    @property
    def notes(self) -> tuple[str, ...]:
        """Copies that could not be used."""
        return tuple(self._fetcher.notes)

    def _run(self) -> None:
        with reporting_to(self._watcher):
            while (piece := self._next()) is not None:
                try:
                    self._fetcher.fetch(piece)
                except BaseException as error:  # noqa: BLE001 - raised again by whoever waits for the server
                    self._fail(error)
                    return
                self.fetched += 1

    def _next(self) -> WalPiece | None:
        with self._wake:
            while not self._stopped and self._waiting() >= self._ahead:
                self._wake.wait(0.2)
            return None if self._stopped else next(self._pending, None)

    def _waiting(self) -> int:
        return sum(1 for _ in os.scandir(self._spool / READY))

    def _fail(self, error: BaseException) -> None:
        with self._wake:
            if self.error is None:
                self.error = error if isinstance(error, DrError) else DrError("fetching WAL failed", repr(error))
            self._stopped = True
        with suppress(OSError):
            (self._spool / FAILED).write_text(str(error), encoding="utf-8")
        logger.error("fetching WAL ended: %s", error)

    def require(self) -> None:
        """Raise what the threads died of."""
        if self.error is not None:
            raise self.error

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._wake:
            self._stopped = True
            self._wake.notify_all()
        for thread in self._threads:
            thread.join()


@contextmanager
def prefetching(system: System, point: RecoveryPoint, directory: Path) -> Iterator[Prefetch]:
    """Fill the spool of ``directory`` in the background while inside."""
    spool = spool_of(directory)
    owner = directory if directory.exists() else directory.parent
    account = make_directory(spool / READY, owner)
    stores = open_repository(system).stores
    threads = max(system.wal.workers, os.cpu_count() or 1)
    watcher = reporter()
    watcher.begin(STEP, point.fetch_bytes)
    with ExitStack() as stack:
        stack.callback(watcher.end, STEP)
        cipher = stack.enter_context(opened(system.encryption))
        fetcher = PieceFetcher(stores, cipher, spool / READY, point.segment_bytes, account)
        yield stack.enter_context(Prefetch(point, fetcher, spool, threads))
