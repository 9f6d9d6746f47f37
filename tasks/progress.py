"""Progress of long steps, told at most once a second, by a thread of its own.

The pumps only count: a watcher that is slow or dead delays no byte. What could not be told is noted in the run's
record, and the step goes on. Steps whose total is unknown are not told: a percentage of nothing would be a guess.
"""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from dr.progress import Reporter

logger = logging.getLogger(__name__)
CLOSING_SECONDS = 5.0


class Display(Protocol):
    """Where progress is shown. ``show`` may be slow and may raise the errors in ``failures``."""

    failures: tuple[type[Exception], ...]

    def show(self, step: str, percent: float) -> None:
        """Show that ``step`` is ``percent`` (0 to 100) done."""
        ...


@dataclass(slots=True)
class _Step:
    total: int
    moved: int = 0
    shown: float = -1.0

    def percent(self) -> float:
        return round(min(100.0, 100.0 * self.moved / self.total), 1) if self.total else 100.0


class ThrottledProgress:
    """A ``dr.progress.Reporter`` that passes everything on to ``inner`` and feeds a display every ``interval`` seconds.

    A context manager: leaving it shows the last figures, waiting at most a few seconds for a display that hangs.
    ``undelivered`` is called with a sentence when the display failed; nothing more is shown then.
    """

    def __init__(
        self, display: Display, inner: Reporter, undelivered: Callable[[str], None], interval: float = 1.0
    ) -> None:
        self._display = display
        self._inner = inner
        self._undelivered = undelivered
        self._interval = interval
        self._steps: dict[str, _Step] = {}
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, step: str, total: int | None) -> None:
        """A step begins; it is shown at once when its total is known."""
        self._inner.begin(step, total)
        if total is None:
            return
        with self._lock:
            self._steps[step] = _Step(total)
            if self._thread is None:
                # The display needs the run's context (which run, which server), and threads inherit none.
                context = contextvars.copy_context()
                self._thread = threading.Thread(target=context.run, args=(self._tell,), name="progress", daemon=True)
                self._thread.start()
        self._changed.set()

    def advance(self, step: str, count: int) -> None:
        """Bytes moved: counted, and shown at the next tick."""
        self._inner.advance(step, count)
        with self._lock:
            known = self._steps.get(step)
            if known is not None:
                known.moved += count
        self._changed.set()

    def end(self, step: str) -> None:
        """The step is over; its last figure is shown at the next tick, or when the run ends."""
        self._inner.end(step)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._changed.set()
        if self._thread is not None:
            self._thread.join(CLOSING_SECONDS)
            if self._thread.is_alive():
                self._undelivered(f"progress: the display did not answer within {CLOSING_SECONDS:g} s")

    def _tell(self) -> None:
        while True:
            self._changed.wait()
            self._changed.clear()
            last = self._closing.is_set()
            try:
                self._show_changes()
            except self._display.failures as error:
                self._undelivered(f"progress: {type(error).__name__}: {error}")
                return
            if last:
                return
            self._closing.wait(self._interval)

    def _show_changes(self) -> None:
        with self._lock:
            changes = [(name, step, step.percent()) for name, step in self._steps.items()]
        for name, step, percent in changes:
            if percent != step.shown:
                self._display.show(name, percent)
                step.shown = percent
