"""Starting the writer, waiting for what it commits, and stopping it."""

from __future__ import annotations

import secrets
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dr
from dr.demo.estate import OWNER, Estate
from dr.demo.journal import Journal, read_journal
from dr.demo.writer import WriterSettings, environment_from
from dr.errors import RecoveryFailed
from dr.pipeline.process import Child
from dr.postgres.connection import connected

RATE = 300.0


class Workload:
    """A writer process and its journal."""

    def __init__(self, child: Child, file: Path) -> None:
        self._child = child
        self._file = file

    @property
    def pid(self) -> int:
        return self._child.process.pid

    def journal(self) -> Journal:
        """What it has committed so far."""
        return read_journal(self._file)

    def wait_for_commit(self, deadline_seconds: float = 120) -> None:
        """Return as soon as a first commit of it has been acknowledged. Raises ``RecoveryFailed`` when none is."""
        deadline = time.monotonic() + deadline_seconds
        while not self.journal().acknowledged:
            ended = self._child.poll()
            if ended is not None or time.monotonic() > deadline:
                raise RecoveryFailed(
                    "the shop's application cannot commit",
                    detail=str(ended) if ended else f"nothing was acknowledged within {deadline_seconds:.0f} s",
                    hint="Look at the server's log and at the role's rights.",
                )
            time.sleep(0.01)

    def stop(self) -> Journal:
        """End the writer, if the server's death has not done so; its whole journal. Raises when it ended badly."""
        self._child.signal(signal.SIGTERM)
        ended = self._child.wait(deadline_seconds=30)
        if not ended.ok:
            raise RecoveryFailed("the shop's application ended badly", detail=str(ended), hint="Look at its message.")
        return self.journal()


def user_count(estate: Estate) -> int:
    """How many users there are to order; the writer asks nobody for them at run time."""
    with connected(estate.superuser_url) as connection:
        row = connection.execute("SELECT max(id) AS n FROM shop.users").fetchone()
    return int(row["n"]) if row and row["n"] else 0


@contextmanager
def writing(estate: Estate, users: int, rate: float = RATE) -> Iterator[Workload]:
    """A writer at work, or waiting for the server; it is gone afterwards.

    Its process ends with the thread that has begun it, so begin it in one that lives long.
    """
    run = secrets.token_hex(4)
    file = estate.directory / "journal" / f"{run}.jsonl"
    file.parent.mkdir(exist_ok=True)
    settings = WriterSettings(
        estate.urls[OWNER], run, file, estate.system.state_directory, estate.system.name, users, rate
    )
    argv = (sys.executable, "-m", "dr.demo.writer")
    # Python finds modules in its directory first: the writer is of this very program, wherever that was loaded from.
    here = Path(dr.__file__).parents[1]
    with Child("writer", argv, environment=environment_from(settings), directory=here) as child:
        yield Workload(child, file)
