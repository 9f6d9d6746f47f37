"""Asking many things at once, each within a time limit that holds even when the other side hangs for good.

A lane is asked in order, one question after the other; lanes run beside each other. A question that is late is given
up, and its thread with it: it ends when the other side or this process does.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from dr.errors import (
    AuthenticationFailed,
    ConfigurationError,
    DrError,
    KeyUnusable,
    PrivilegeMissing,
    ServerUnreachable,
    SourceBusy,
    StepTimedOut,
    StoreDenied,
    StoreUnavailable,
    ToolError,
)
from dr.evidence.phases import Phase, Stopwatch
from dr.policy.recovered_state import Finding, Said

logger = logging.getLogger(__name__)

T = TypeVar("T")

_CANNOT_ASK = (
    AuthenticationFailed,
    ConfigurationError,
    KeyUnusable,
    PrivilegeMissing,
    ServerUnreachable,
    SourceBusy,
    StepTimedOut,
    StoreDenied,
    StoreUnavailable,
    ToolError,
)
"""Errors that leave the question open. That nothing answers at all is another question's, which then fails."""
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Question:
    """``ask`` gives its findings. An error, or no answer within ``seconds``, is ``otherwise``, where that is given."""

    name: str
    seconds: float
    ask: Callable[[], Iterable[Finding]]
    otherwise: Said | None = None


def ask_all(lanes: Sequence[Sequence[Question]], stopwatch: Stopwatch) -> tuple[Finding, ...]:
    """Every finding, in the order of the lanes. Nothing is raised for what went wrong: that is an answer."""
    answered: list[list[Finding]] = [[] for _ in lanes]
    phases: list[list[Phase]] = [[] for _ in lanes]

    def keep(place: int) -> None:
        for question in lanes[place]:
            begin = time.monotonic()
            answered[place] += answer(question)
            phases[place].append(Phase(question.name, begin, time.monotonic()))

    threads = [threading.Thread(target=keep, args=(place,), daemon=True) for place in range(len(lanes))]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(_PAUSE_SECONDS)  # a signal is heard in between
    for phase in (item for lane in phases for item in lane):
        stopwatch.add(phase)
    return tuple(finding for lane in answered for finding in lane)


def answer(question: Question) -> tuple[Finding, ...]:
    """Ask one question, for so long."""
    got: list[tuple[Finding, ...]] = []
    begin = time.monotonic()

    def ask() -> None:
        try:
            got.append(tuple(question.ask()))
        except DrError as error:
            got.append((_of_error(question, error),))
        except Exception as error:
            logger.exception("%s: an error that was not foreseen", question.name)
            unforeseen = f"{type(error).__name__}: {error}"
            got.append(
                (Finding(question.name, Said.UNPROVEN, unforeseen, "This is a defect: report it with the log."),)
            )

    thread = threading.Thread(target=ask, daemon=True, name=question.name)
    thread.start()
    thread.join(question.seconds)
    seconds = round(time.monotonic() - begin, 3)
    if not got:
        late = Finding(
            question.name,
            question.otherwise or Said.UNPROVEN,
            f"no answer within {question.seconds:g} s",
            "See whether it hangs; where it only needs longer: --seconds.",
        )
        return (replace(late, seconds=seconds),)
    return tuple(replace(item, seconds=seconds) for item in got[0])


def within(seconds: float, ask: Callable[[], T]) -> T:
    """What ``ask`` gives or raises. ``StepTimedOut`` when it is late: it is given up, and its thread with it."""
    got: list[T] = []
    raised: list[Exception] = []

    def keep() -> None:
        try:
            got.append(ask())
        except DrError as error:
            raised.append(error)
        except Exception as error:
            logger.exception("an error that was not foreseen")
            raised.append(error)

    thread = threading.Thread(target=keep, daemon=True)
    thread.start()
    thread.join(seconds)
    if raised:
        raise raised[0]
    if not got:
        raise StepTimedOut(f"no answer within {seconds:g} s", hint="See whether the server hangs.")
    return got[0]


def _of_error(question: Question, error: DrError) -> Finding:
    said = question.otherwise or (Said.UNPROVEN if isinstance(error, _CANNOT_ASK) else Said.FAILED)
    detail = " ".join(part for part in (error.message, error.detail) if part)
    return Finding(question.name, said, detail, error.hint)
