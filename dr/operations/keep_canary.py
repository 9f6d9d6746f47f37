"""Keep the canary alive: a row at every tick, the last one noted outside the database, whatever the server does.

The ticks are counted from the beginning on a clock that only goes forward, so that they do not drift; those that were
missed while the server was away are not made up for.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from dr.catalog.canary import Beat
from dr.configuration.model import System
from dr.errors import SourceError, StoreError
from dr.operations.check_source import refuse_exercise, source_url
from dr.operations.measure_loss import note_position
from dr.postgres import canary
from dr.postgres.connection import Connection, connected, display_name
from dr.postgres.inspection import exercise_of

TRIM_SECONDS = 600.0
LONGEST_PAUSE_SECONDS = 5.0


class Canary:
    """Writes canary rows. ``count`` rows so far, ``last`` the newest, ``interruptions`` how often the server was away.

    ``tell`` gets a sentence when the canary begins, when the server goes away and when it is back; nothing in between.
    """

    def __init__(self, system: System, *, interval_seconds: float, keep_days: int, tell: Callable[[str], None]) -> None:
        self._system = system
        self._url = source_url(system)
        self._interval = interval_seconds
        self._keep_days = keep_days
        self._tell = tell
        self.count = 0
        self.interruptions = 0
        self.last: Beat | None = None

    def beat_once(self) -> Beat:
        """Write one row, making the table if it is not there. Raises SourceError."""
        with connected(self._url) as connection:
            # What is noted of an exercise would be held against production's next recovery.
            refuse_exercise(exercise_of(connection))
            canary.create_table(connection)
            return self._beat(connection)

    def keep(self) -> None:
        """Write rows until an exception from outside (a signal's) ends it.

        Raises SourceError when the first row cannot be written, and later when trying again cannot help.
        """
        pause = self._interval
        while True:
            before = self.count
            try:
                self._beat_on()
            except SourceError as error:
                if not error.retryable or not self.count:
                    raise
                if self.count > before:
                    pause = self._interval
                    self.interruptions += 1
                    self._tell(f"the canary is interrupted: {error.message}; trying again until it answers")
            time.sleep(pause)
            pause = min(pause * 2, max(LONGEST_PAUSE_SECONDS, self._interval))

    def _beat_on(self) -> None:
        """Rows on one connection, until that breaks."""
        with connected(self._url) as connection:
            # What is noted of an exercise would be held against production's next recovery.
            refuse_exercise(exercise_of(connection))
            canary.create_table(connection)
            self._tell_begin()
            begin = trimmed = time.monotonic()
            tick = 0
            while True:
                self._beat(connection)
                if time.monotonic() - trimmed >= TRIM_SECONDS or tick == 0:
                    canary.trim(connection, self._keep_days)
                    trimmed = time.monotonic()
                tick = max(tick + 1, int((time.monotonic() - begin) / self._interval))
                time.sleep(max(0.0, begin + tick * self._interval - time.monotonic()))

    def _beat(self, connection: Connection) -> Beat:
        """One committed row. It is noted after the commit: what was never acknowledged cannot be missed."""
        self.last = canary.beat(connection)
        self.count += 1
        try:
            note_position(self._system, self.last)
        except OSError as error:
            raise StoreError(
                f"the canary's position cannot be noted below {self._system.state_directory}",
                detail=str(error),
                hint="Free space there, or name another state directory (DR_STATE_DIRECTORY): without the note no loss "
                "can be measured.",
            ) from error
        return self.last

    def _tell_begin(self) -> None:
        where = display_name(self._url)
        if self.count:
            self._tell(f"the canary goes on in {where}")
        else:
            self._tell(f"a canary row every {self._interval:g} s in {where}; Ctrl-C ends it")
