"""Questions with time limits: one that hangs costs its own time, and what goes wrong is an answer."""

from __future__ import annotations

import threading
import time

import pytest

from dr.errors import (
    DrError,
    KeyUnusable,
    PrivilegeMissing,
    RecoveryFailed,
    ServerUnreachable,
    SourceError,
    StepTimedOut,
)
from dr.evidence.phases import Stopwatch
from dr.operations.verify_recovery.asking import Question, answer, ask_all, within
from dr.policy.recovered_state import Finding, Said

GOOD = Finding("good", Said.PASSED, "fine")


def test_what_hangs_is_given_up_and_the_rest_is_asked_meanwhile() -> None:
    """Two lanes of which one hangs for good take as long as the limit, not longer, and every answer is there."""
    never = threading.Event()
    begin = time.monotonic()
    stopwatch = Stopwatch()

    found = ask_all(
        [
            [Question("hangs", 0.3, lambda: (GOOD,) if never.wait(60) else ()), Question("behind", 5, lambda: (GOOD,))],
            [Question("beside", 5, lambda: (GOOD,))],
        ],
        stopwatch,
    )

    assert time.monotonic() - begin < 3
    assert [(item.name, item.said) for item in found] == [
        ("hangs", Said.UNPROVEN),
        ("good", Said.PASSED),
        ("good", Said.PASSED),
    ]
    assert "no answer within 0.3 s" in found[0].detail
    assert {phase.name for phase in stopwatch.phases} == {"hangs", "behind", "beside"}
    never.set()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SourceError("bad page", "in block 7", "look"), Said.FAILED),
        (RecoveryFailed("still there", "", "mend"), Said.FAILED),
        (PrivilegeMissing("may not", "", "grant"), Said.UNPROVEN),
        (ServerUnreachable("gone", "", "start"), Said.UNPROVEN),
        (KeyUnusable("no key", "", "bring it"), Said.UNPROVEN),
    ],
)
def test_an_error_is_an_answer(error: DrError, said: Said) -> None:
    """What keeps us from asking leaves the question open; what the question met is its answer. The hint stays."""

    def ask() -> tuple[Finding, ...]:
        raise error

    (found,) = answer(Question("x", 5, ask))
    (strict,) = answer(Question("x", 5, ask, Said.FAILED))

    assert (found.said, found.mend) == (said, error.hint)
    assert error.message in found.detail
    assert error.detail in found.detail
    assert strict.said is Said.FAILED


def test_an_error_that_was_not_foreseen_is_no_pass() -> None:
    """It leaves the question open, and says what it was."""

    def ask() -> tuple[Finding, ...]:
        raise ZeroDivisionError("by zero")

    (found,) = answer(Question("x", 5, ask))

    assert found.said is Said.UNPROVEN
    assert "ZeroDivisionError" in found.detail


def test_what_is_asked_alone_is_given_up_in_time_too() -> None:
    """What comes in time comes as it is, an error also."""
    never = threading.Event()
    begin = time.monotonic()
    with pytest.raises(StepTimedOut, match=r"within 0\.2 s"):
        within(0.2, lambda: never.wait(60))
    took = time.monotonic() - begin
    never.set()

    assert took < 3
    assert within(5, lambda: "it") == "it"
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 // 0)
