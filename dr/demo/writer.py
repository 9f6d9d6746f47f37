"""The shop under load: a process that commits orders as fast as it is allowed, and the canary every second.

Run as ``python -m dr.demo.writer``; what it needs comes by the environment (``settings_from``), its address with the
password too. It waits for a server that is not up yet. When the server dies it ends well, and its journal ends with
what was acknowledged last. SIGTERM ends it after the transaction at hand.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dr.configuration.model import EncryptionSettings, PostgresSettings, System
from dr.demo.journal import JournalWriter, Row
from dr.demo.queries import query
from dr.errors import DrError, ServerUnreachable
from dr.operations.measure_loss import note_position
from dr.postgres.canary import beat
from dr.postgres.connection import Connection, connected
from dr.postgres.digests import TEXT_FORMAT
from dr.secret import Secret

_BEAT_SECONDS = 1.0
_WAIT_SECONDS = 3600.0
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class WriterSettings:
    """``rate`` is the most orders per second; ``run`` marks this writer's orders and names its journal."""

    url: Secret
    run: str
    journal: Path
    state_directory: Path
    system: str
    users: int
    rate: float


def settings_from(environ: Mapping[str, str]) -> WriterSettings:
    """Read the environment that ``environment_from`` makes."""
    return WriterSettings(
        url=Secret(environ["DEMO_WRITER_URL"]),
        run=environ["DEMO_WRITER_RUN"],
        journal=Path(environ["DEMO_WRITER_JOURNAL"]),
        state_directory=Path(environ["DEMO_WRITER_STATE_DIRECTORY"]),
        system=environ["DEMO_WRITER_SYSTEM"],
        users=int(environ["DEMO_WRITER_USERS"]),
        rate=float(environ["DEMO_WRITER_RATE"]),
    )


def environment_from(settings: WriterSettings) -> dict[str, str]:
    """The same as variables."""
    return {
        "DEMO_WRITER_URL": settings.url.reveal(),
        "DEMO_WRITER_RUN": settings.run,
        "DEMO_WRITER_JOURNAL": str(settings.journal),
        "DEMO_WRITER_STATE_DIRECTORY": str(settings.state_directory),
        "DEMO_WRITER_SYSTEM": settings.system,
        "DEMO_WRITER_USERS": str(settings.users),
        "DEMO_WRITER_RATE": str(settings.rate),
    }


class Writer:
    """One session that writes until it is told to stop or the server goes away."""

    def __init__(self, settings: WriterSettings, connection: Connection, journal: JournalWriter) -> None:
        self._settings = settings
        self._connection = connection
        self._journal = journal
        self._random = random.Random(settings.run)  # noqa: S311 - which user orders is no secret
        self._orders = 0
        # The canary's position is this host's business; nothing else of a system is needed for it.
        self._system = System(
            settings.system,
            PostgresSettings(settings.url),
            (),
            EncryptionSettings(),
            state_directory=settings.state_directory,
        )

    def run(self, stopped: threading.Event) -> None:
        """Write until ``stopped``. Raises ``SourceError`` when the server goes away."""
        for statement in TEXT_FORMAT:
            self._connection.execute(statement)
        next_beat = next_order = time.monotonic()
        while not stopped.is_set():
            if time.monotonic() >= next_beat:
                self._beat()
                next_beat += _BEAT_SECONDS
            self._order()
            next_order = max(next_order + 1 / self._settings.rate, time.monotonic() - 1)
            time.sleep(max(next_order - time.monotonic(), 0))

    def _beat(self) -> None:
        with self._connection.transaction():
            made = beat(self._connection)
            found = self._connection.execute(query("canary_digest"), {"seq": made.seq}).fetchall()
            number = self._journal.begin(tuple(Row(**row) for row in found))
        self._journal.acknowledge(number)
        note_position(self._system, made)

    def _order(self) -> None:
        self._orders += 1
        values = {
            "reference": f"{self._settings.run}-{self._orders:08d}",
            "user_id": self._random.randint(1, self._settings.users),
            "lines": self._random.randint(1, 5),
        }
        with self._connection.transaction():
            found = self._connection.execute(query("write_order"), values).fetchall()
            number = self._journal.begin(tuple(Row(**row) for row in found))
        self._journal.acknowledge(number)


def write(settings: WriterSettings, stopped: threading.Event) -> None:
    """Wait for the server, then write. Raises ``SourceError`` when it refuses us or does not come up in time."""
    deadline = time.monotonic() + _WAIT_SECONDS
    with settings.journal.open("ab") as stream:
        journal = JournalWriter(stream)
        while not stopped.is_set():
            begun = False
            try:
                with connected(settings.url) as connection:
                    begun = True
                    Writer(settings, connection, journal).run(stopped)
            except ServerUnreachable:
                if begun:
                    return
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE_SECONDS)


def main(environ: Mapping[str, str]) -> int:
    """Run until SIGTERM or the end of the server; the exit code."""
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        write(settings_from(environ), stopped)
    except DrError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    finally:
        # Being told to end while ending already must not look like a violent death.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
