"""A procedure that dies of SIGKILL at an event of its journal: ``KILL_AT='end restore'`` in its environment.

The event is on disk when it dies, as it is when the power goes. ``KILL_AFTER='0.5'``: so many seconds later, in the
midst of the step. Imported for its effect by programs of tests.
"""

from __future__ import annotations

import os
import signal
import threading
import time

from dr.evidence.journal import Journal
from dr.evidence.journal_events import Event

VARIABLE, LATER = "KILL_AT", "KILL_AFTER"
_write = Journal._write


def _write_and_die(self: Journal, event: Event) -> None:
    _write(self, event)
    if f"{event.what} {event.step}".strip() == os.environ.get(VARIABLE):
        seconds = float(os.environ.get(LATER, "0"))
        if seconds:
            threading.Thread(target=_die, args=(seconds,), daemon=True).start()
        else:
            _die(0)


def _die(seconds: float) -> None:
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)


Journal._write = _write_and_die  # type: ignore[method-assign]
