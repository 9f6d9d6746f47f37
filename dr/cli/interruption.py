"""Ctrl-C, SIGTERM and a closed terminal: each becomes an exception in the main thread, so that everything is undone.

The way out ends the children, removes what is half-made and releases the leases. It must not be cut short by an
impatient second signal; a third one gets through (the kernel then kills the children, and the leases expire).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_CAUGHT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PATIENCE = b"still ending children and releasing leases; once more to leave at once\n"


class Terminated(KeyboardInterrupt):
    """A signal asked this process to end. A KeyboardInterrupt, so that no ``except Exception`` swallows it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = signal.Signals(number)

    @property
    def exit_code(self) -> int:
        """128 and the signal's number, as a shell would report it."""
        return 128 + self.number


class _Handler:
    def __init__(self) -> None:
        self._count = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self._count += 1
        if self._count == 1:
            raise Terminated(number)
        if self._count == 2:
            os.write(2, _PATIENCE)
            return
        os._exit(128 + number)


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise ``Terminated`` in the main thread for each of the signals that is not ignored (nohup, background jobs)."""
    handler = _Handler()
    before = {number: signal.getsignal(number) for number in _CAUGHT}
    changed = [number for number, known in before.items() if known is not signal.SIG_IGN]
    for number in changed:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, before[number])
