"""A limit on this side for a question to a server: one that is frozen takes a connection and never says anything."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from dr.errors import DrError, ServerUnreachable
from dr.postgres.connection import display_name
from dr.secret import Secret

T = TypeVar("T")


def within(seconds: float, url: Secret, action: Callable[[], T]) -> T:
    """What ``action`` gives, or its ``DrError``; ``ServerUnreachable`` after ``seconds``, and it is left alone then."""
    answers: list[T] = []
    failures: list[DrError] = []

    def ask() -> None:
        try:
            answers.append(action())
        except DrError as error:
            failures.append(error)

    thread = threading.Thread(target=ask, name=f"ask {display_name(url)}", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise ServerUnreachable(
            f"{display_name(url)} does not answer",
            f"it has said nothing for {seconds:.0f} s",
            "Check that the server runs, and is not frozen or cut off.",
        )
    if failures:
        raise failures[0]
    if not answers:
        raise RuntimeError(f"a question to {display_name(url)} ended with neither an answer nor an error of ours")
    return answers[0]
