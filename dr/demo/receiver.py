"""The WAL receiver beside the shop: ``dr wal receive``, the very command that a production runs."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dr
from dr.demo.estate import Estate
from dr.errors import RecoveryFailed
from dr.operations.wal.status import read_status
from dr.pipeline.process import Child

_STOP_SECONDS = 60


class Receiver:
    """A receiver process of the estate."""

    def __init__(self, child: Child, estate: Estate) -> None:
        self._child = child
        self._estate = estate

    @property
    def pid(self) -> int:
        return self._child.process.pid

    def wait_until_receiving(self, deadline_seconds: float = 60) -> None:
        """Return when WAL comes in, so that nothing that is written from now on can be missing."""
        deadline = time.monotonic() + deadline_seconds
        while True:
            status = read_status(self._estate.system)
            if status is not None and status.pid == self.pid and status.received_lsn is not None:
                return
            ended = self._child.poll()
            if ended is not None or time.monotonic() > deadline:
                raise RecoveryFailed(
                    "the WAL receiver does not receive",
                    detail=str(ended) if ended else self._child.stderr_so_far()[-1000:],
                    hint="Look at its message.",
                )
            time.sleep(0.05)

    def ended(self) -> str:
        """How it ended, in words; empty while it runs."""
        ended = self._child.poll()
        return str(ended) if ended is not None else ""

    def stop(self) -> None:
        """End it in order: it stores what it still has. Raises when it ends badly."""
        self._child.signal(signal.SIGTERM)
        ended = self._child.wait(deadline_seconds=_STOP_SECONDS)
        if not ended.ok:
            raise RecoveryFailed("the WAL receiver ended badly", detail=str(ended), hint="Look at its message.")

    def kill(self) -> None:
        """End it at once, as if its host had gone."""
        self._child.kill()


@contextmanager
def receiving(estate: Estate, *, synchronous: bool = False) -> Iterator[Receiver]:
    """A receiver at work; it is gone afterwards. Its process ends with the thread that has begun it."""
    argv = (sys.executable, "-m", "dr.cli", "wal", "receive", *(("--synchronous",) if synchronous else ()))
    here = Path(dr.__file__).parents[1]
    with Child("dr wal receive", argv, environment=estate.environment, directory=here) as child:
        yield Receiver(child, estate)
