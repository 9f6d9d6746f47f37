"""A step's deadline: the same cut in both runners, by the alarm signal, in the main thread.

The alarm interrupts a blocking call, so that child processes die and nothing half-made is listed. Outside the main
thread Python gives no way to do that: there only the deadlines of the subprocesses themselves hold.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from dr.errors import StepTimedOut

logger = logging.getLogger(__name__)


class _Alarm(BaseException):
    """Raised in the midst of the step. Not an Exception, so that no step mistakes it for a failure of its own."""


@contextmanager
def deadline(step: str, seconds: float | None) -> Iterator[None]:
    """Cut everything inside off after ``seconds`` and raise StepTimedOut; None sets no limit."""
    if seconds is None:
        yield
        return
    if threading.current_thread() is not threading.main_thread():
        logger.warning("%s runs outside the main thread: its deadline of %g s is not enforced", step, seconds)
        yield
        return
    alarm = _Timer(seconds)
    try:
        with alarm:
            yield
    except BaseException as error:
        # Whatever comes out once the alarm rang is its consequence: cleaning up often raises in its own words.
        if not alarm.rang:
            raise
        cause = None if isinstance(error, _Alarm) else error
        raise StepTimedOut(
            f"{step} was not done after {seconds:g} s and was cut off",
            hint="Look for what it waited for (locks, network, disk); then run it again or raise the deadline.",
        ) from cause


class _Timer:
    """An interval timer that gives an enclosing one its remaining time back."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._armed = False
        self.rang = False

    def __enter__(self) -> None:
        self._begin = time.monotonic()
        self._armed = True
        self._outer_handler = signal.signal(signal.SIGALRM, self._ring)
        self._outer_remaining, _ = signal.setitimer(signal.ITIMER_REAL, self._seconds)

    def __exit__(self, *exc: object) -> None:
        self._armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._outer_handler)
        if self._outer_remaining:
            remaining = self._outer_remaining - (time.monotonic() - self._begin)
            signal.setitimer(signal.ITIMER_REAL, max(remaining, 0.001))

    def _ring(self, number: int, frame: FrameType | None) -> None:
        if self._armed:
            self.rang = True
            raise _Alarm
