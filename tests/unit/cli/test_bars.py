"""Progress bars take what pump threads throw at them."""

from __future__ import annotations

import io
from threading import Thread

from rich.console import Console
from rich.progress import Progress

from dr.cli.bars import Bars


def bars() -> tuple[Bars, Progress]:
    """Bars that draw into nowhere."""
    progress = Progress(console=Console(file=io.StringIO()))
    return Bars(progress), progress


def test_advances_of_many_threads_add_up() -> None:
    """No byte is lost between them."""
    watched, progress = bars()
    watched.begin("dump", 8000)

    def pump() -> None:
        for _ in range(1000):
            watched.advance("dump", 1)

    threads = [Thread(target=pump) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [task.completed for task in progress.tasks] == [8000]


def test_a_step_that_begins_again_begins_at_zero() -> None:
    """A retried step has one bar, not two."""
    watched, progress = bars()
    watched.begin("dump", 100)
    watched.advance("dump", 60)
    watched.begin("dump", 100)

    assert [(task.description, task.completed) for task in progress.tasks] == [("dump", 0)]


def test_the_end_fills_the_bar_whatever_was_estimated() -> None:
    """What was expected is an estimate, and may not have been known at all."""
    watched, progress = bars()
    watched.begin("dump", 1000)
    watched.begin("fetch", None)
    for step in ("dump", "fetch"):
        watched.advance(step, 10)
        watched.end(step)

    assert all(task.finished for task in progress.tasks)


def test_a_step_that_never_began_is_no_trouble() -> None:
    """A reporter must not raise."""
    watched, progress = bars()
    watched.advance("unknown", 1)
    watched.end("unknown")

    assert progress.tasks == []
