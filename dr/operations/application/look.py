"""How all services are, asked beside each other and within a time limit whatever hangs."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from dr.configuration.model import System
from dr.services.protocol import Service, State, Status
from dr.services.registry import services

T = TypeVar("T")
LOOK_SECONDS = 10.0


def look_at_services(system: System, seconds: float = LOOK_SECONDS) -> tuple[Status, ...]:
    """How each is, in the order in which they start; ``UNKNOWN`` where its driver says nothing in time."""
    found = services(system)
    answers = ask_all({item.name: _status_of(item, seconds) for item in found}, seconds)
    return tuple(
        answers.get(item.name) or Status(item.name, State.UNKNOWN, f"no answer within {seconds:g} s") for item in found
    )


def ask_all(questions: Mapping[str, Callable[[], T]], seconds: float) -> dict[str, T]:
    """The answers that came in time, by name. What hangs is left behind in a thread that nobody waits for."""
    answers: queue.SimpleQueue[tuple[str, T | BaseException]] = queue.SimpleQueue()

    def ask(name: str, question: Callable[[], T]) -> None:
        try:
            answers.put((name, question()))
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
            answers.put((name, error))

    for name, question in questions.items():
        threading.Thread(target=ask, args=(name, question), daemon=True, name=f"ask {name}").start()
    deadline, found = time.monotonic() + seconds, dict[str, T]()
    while len(found) < len(questions):
        try:
            name, answer = answers.get(timeout=max(deadline - time.monotonic(), 0))
        except queue.Empty:
            break
        if isinstance(answer, BaseException):
            raise answer
        found[name] = answer
    return found


def _status_of(item: Service, seconds: float) -> Callable[[], Status]:
    return lambda: item.status(seconds)
