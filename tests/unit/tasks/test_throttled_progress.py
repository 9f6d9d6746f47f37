"""Progress is told at most once a tick, by a thread of its own, and never stands in the way of the bytes."""

from __future__ import annotations

import itertools
import threading
import time

from dr.progress import Silent
from tasks.progress import ThrottledProgress


def nobody(sentence: str) -> None:
    """Nothing is undelivered in this test."""
    raise AssertionError(sentence)


class Board:
    """A display that keeps what it is shown, with the time."""

    failures: tuple[type[Exception], ...] = (ConnectionError,)

    def __init__(self, delay: float = 0.0, error: Exception | None = None) -> None:
        self.shown: list[tuple[float, str, float]] = []
        self._delay = delay
        self._error = error

    def show(self, step: str, percent: float) -> None:
        """Keep it, slowly or not at all."""
        time.sleep(self._delay)
        if self._error:
            raise self._error
        self.shown.append((time.monotonic(), step, percent))


class Counting(Silent):
    """A terminal bar, say."""

    def __init__(self) -> None:
        self.moved = 0

    def advance(self, step: str, count: int) -> None:
        """Count."""
        self.moved += count


def test_updates_are_throttled_and_end_at_the_truth() -> None:
    """Thousands of calls become one update a tick, and the last figure is the last one."""
    board = Board()
    lost: list[str] = []

    with ThrottledProgress(board, Silent(), lost.append, interval=0.1) as progress:
        progress.begin("dump", 1000)
        for _ in range(1000):
            progress.advance("dump", 1)
            time.sleep(0.0005)
        progress.end("dump")

    times = [moment for moment, _, _ in board.shown]
    assert 2 <= len(board.shown) <= 15
    # The closing figure may come early; all others keep the tick.
    assert all(later - earlier >= 0.095 for earlier, later in itertools.pairwise(times[:-1]))
    assert board.shown[-1][1:] == ("dump", 100.0)
    assert lost == []


def test_what_was_moved_is_shown_even_when_it_is_not_all() -> None:
    """A step that broke off at 40 % never shows 100."""
    board = Board()

    with ThrottledProgress(board, Silent(), nobody, interval=0.01) as progress:
        progress.begin("dump", 100)
        progress.advance("dump", 40)
        progress.end("dump")

    assert board.shown[-1][1:] == ("dump", 40.0)


def test_an_unknown_total_is_not_shown() -> None:
    """A percentage of nothing would be a guess; no thread is begun for it."""
    board, threads = Board(), threading.active_count()

    with ThrottledProgress(board, Silent(), nobody) as progress:
        progress.begin("dump", None)
        progress.advance("dump", 10)
        progress.end("dump")
        assert threading.active_count() == threads

    assert board.shown == []


def test_a_slow_display_delays_no_byte() -> None:
    """The pumps only count."""
    with ThrottledProgress(Board(delay=0.3), Silent(), nobody, interval=0.01) as progress:
        progress.begin("dump", 100)
        begin = time.monotonic()
        for _ in range(100):
            progress.advance("dump", 1)
        took = time.monotonic() - begin

    assert took < 0.2


def test_a_display_that_fails_is_noted_once_and_the_step_goes_on() -> None:
    """The record says what people were not told."""
    lost: list[str] = []

    with ThrottledProgress(Board(error=ConnectionError("gone")), Silent(), lost.append, interval=0.01) as progress:
        progress.begin("dump", 10)
        for _ in range(10):
            progress.advance("dump", 1)
            time.sleep(0.005)
        progress.end("dump")

    assert lost == ["progress: ConnectionError: gone"]


def test_whoever_watched_before_still_does() -> None:
    """A terminal bar goes on beside Prefect's artifact, from any thread."""
    bar = Counting()

    with ThrottledProgress(Board(), bar, nobody) as progress:
        progress.begin("dump", 10)
        thread = threading.Thread(target=lambda: progress.advance("dump", 7))
        thread.start()
        thread.join()

    assert bar.moved == 7
