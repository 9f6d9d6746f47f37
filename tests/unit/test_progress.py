"""Progress goes to whoever watches in this context, and to nobody else."""

from __future__ import annotations

import contextvars
import threading

import pytest

from dr.progress import Reporter, Silent, reporter, reporting_to


class Recorder:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, int | None]] = []

    def begin(self, step: str, total: int | None) -> None:
        self.told.append(("begin", step, total))

    def advance(self, step: str, count: int) -> None:
        self.told.append(("advance", step, count))

    def end(self, step: str) -> None:
        self.told.append(("end", step, None))


def _move(watcher: Reporter) -> None:
    watcher.begin("dump", None)
    watcher.advance("dump", 7)
    watcher.end("dump")


def test_nobody_watches_unless_told():
    """Library users need not care: reporting goes nowhere and fails never."""
    assert isinstance(reporter(), Silent)
    _move(reporter())


def test_the_target_hears_everything_inside_and_nothing_after():
    """The innermost target hears; leaving gives the word back to the one around it."""
    outer, inner = Recorder(), Recorder()

    with reporting_to(outer):
        with reporting_to(inner):
            _move(reporter())
        reporter().advance("dump", 1)
    reporter().advance("dump", 100)

    assert inner.told == [("begin", "dump", None), ("advance", "dump", 7), ("end", "dump", None)]
    assert outer.told == [("advance", "dump", 1)]


def test_a_failing_step_does_not_leave_its_watcher_behind():
    """The next run does not draw into the bar of the last one."""
    with pytest.raises(RuntimeError), reporting_to(Recorder()):
        raise RuntimeError

    assert isinstance(reporter(), Silent)


def test_threads_do_not_inherit_the_watcher_unless_given_the_context():
    """Why pumps fetch it before they start their threads."""
    heard: list[Reporter] = []
    recorder = Recorder()

    with reporting_to(recorder):
        bare = threading.Thread(target=lambda: heard.append(reporter()))
        given = threading.Thread(target=contextvars.copy_context().run, args=(lambda: heard.append(reporter()),))
        for thread in (bare, given):
            thread.start()
            thread.join()

    assert isinstance(heard[0], Silent)
    assert heard[1] is recorder
