"""A step that is not done in time is cut off, whatever it does to stay."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
import time

import pytest

from dr.errors import StepTimedOut
from tasks.deadline import deadline


def test_a_blocking_call_is_cut_off() -> None:
    """Sleeping, waiting for a child: the alarm ends it, and the error says what and how long."""
    begin = time.monotonic()

    with pytest.raises(StepTimedOut, match=r"dump was not done after 0\.1 s"), deadline("dump", 0.1):
        subprocess.run(["sleep", "30"], check=True)

    assert time.monotonic() - begin < 5


def test_a_step_cannot_mistake_the_alarm_for_a_failure_of_its_own() -> None:
    """`except Exception` in the step does not swallow it."""

    def careless() -> None:
        with contextlib.suppress(Exception):
            time.sleep(5)

    with pytest.raises(StepTimedOut), deadline("dump", 0.05):
        careless()


def test_what_cleaning_up_raises_stays_visible() -> None:
    """The cause is kept beside the deadline."""

    def untidy() -> None:
        try:
            time.sleep(5)
        finally:
            raise OSError("could not tidy up")

    with pytest.raises(StepTimedOut) as caught, deadline("dump", 0.05):
        untidy()

    assert isinstance(caught.value.__cause__, OSError)


def test_a_step_in_time_is_left_alone() -> None:
    """No alarm comes later, and the handler is as before."""
    before, timer = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)[0]

    with deadline("dump", 0.05):
        pass
    time.sleep(0.1)

    assert signal.getsignal(signal.SIGALRM) == before
    # The test run's own time limit, if it has one, goes on with what was left of it.
    assert signal.getitimer(signal.ITIMER_REAL)[0] == pytest.approx(timer, abs=2)


def test_a_failure_of_the_step_is_its_own() -> None:
    """An error before the deadline passes through."""
    with pytest.raises(ValueError, match="mine"), deadline("dump", 5):
        raise ValueError("mine")


def test_an_outer_deadline_survives_an_inner_one() -> None:
    """A step inside a step does not take the outer's limit away."""

    def nested() -> None:
        with deadline("inner", 5):
            pass
        time.sleep(5)

    with pytest.raises(StepTimedOut, match="outer"), deadline("outer", 0.2):
        nested()


def test_outside_the_main_thread_the_missing_deadline_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """There the alarm cannot cut; nobody shall think that it does."""
    thread = threading.Thread(target=lambda: deadline("dump", 0.01).__enter__())
    thread.start()
    thread.join()

    assert "its deadline of 0.01 s is not enforced" in caplog.text
