"""What the exporter answers while a measurement takes its time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from dr.cli.exporter import Kept
from dr.policy.metric import Sample, sample


class Slow:
    """Measures 1, 2, 3, ...; from the second on only when it is let."""

    def __init__(self) -> None:
        self.made = 0
        self.begun, self.let = threading.Event(), threading.Event()

    def __call__(self) -> Sequence[Sample]:
        self.made += 1
        number = self.made
        if number > 1:
            self.begun.set()
            assert self.let.wait(30)
        return (sample("wal_lag_seconds", number, "shop"),)


def value(samples: Sequence[Sample]) -> float:
    """Of the only one."""
    (only,) = samples
    return only.value


def test_a_measurement_is_kept_for_a_while() -> None:
    """Two that scrape do not make the stores be read twice."""
    slow = Slow()
    kept = Kept(slow, seconds=3600)

    assert [value(kept()), value(kept())] == [1, 1]
    assert slow.made == 1


def test_a_slow_measurement_holds_up_nobody_who_can_have_the_one_before() -> None:
    """It goes on meanwhile, once, and is given to whoever asks when it is done."""
    slow = Slow()
    kept = Kept(slow, seconds=0, prompt=0.01)

    assert value(kept()) == 1
    assert [value(kept()), value(kept())] == [1, 1]
    assert slow.begun.wait(30)
    assert slow.made == 2
    slow.let.set()
    while (now := value(kept())) == 1:
        pass
    assert now >= 2


def test_a_measurement_that_is_too_old_is_never_given() -> None:
    """Whoever asks waits: an age of last night would say that all is well."""
    slow = Slow()
    kept = Kept(slow, seconds=0, prompt=0.01, old=0)
    kept()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(kept)
        assert slow.begun.wait(30)
        waits = not asked.done()
        slow.let.set()

        assert waits
        assert value(asked.result(30)) == 2


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_goes_wrong_is_said_and_tried_again() -> None:
    """By an answer that is an error, and not for ever."""
    answers: list[Sequence[Sample] | None] = [None, (sample("wal_lag_seconds", 7, "shop"),)]

    def measured() -> Sequence[Sample]:
        answer = answers.pop(0)
        if answer is None:
            raise RuntimeError("a defect")
        return answer

    kept = Kept(measured, seconds=0)
    with pytest.raises(RuntimeError, match="a defect"):
        kept()

    assert value(kept()) == 7
