"""Progress on a terminal: one bar per step that moves bytes. Where nobody watches, nothing is drawn."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dr.cli.output import Output

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Bars:
    """A ``dr.progress.Reporter`` that draws. Steps may begin, move and end in any thread."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._bars: dict[str, TaskID] = {}

    def begin(self, step: str, total: int | None) -> None:
        """Draw a bar; one of unknown length when ``total`` is None. A step that begins again begins at zero."""
        with self._lock:
            known = self._bars.pop(step, None)
            if known is not None:
                self._progress.remove_task(known)
            self._bars[step] = self._progress.add_task(step, total=total)

    def advance(self, step: str, count: int) -> None:
        """Move the bar by ``count`` bytes."""
        with self._lock:
            known = self._bars.get(step)
        if known is not None:
            self._progress.advance(known, count)

    def end(self, step: str) -> None:
        """Stop the bar where it is: what was expected to come was an estimate."""
        with self._lock:
            known = self._bars.get(step)
        if known is not None:
            self._progress.update(known, total=self._progress.tasks[self._progress.task_ids.index(known)].completed)


@contextmanager
def progress_shown(output: Output) -> Iterator[None]:
    """Draw the progress of everything inside, when standard error is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn

    from dr.progress import reporting_to

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
    )
    console = output.console(sys.stderr)
    progress = Progress(*columns, console=console, redirect_stdout=False, redirect_stderr=False)
    with progress, reporting_to(Bars(progress)):
        yield
