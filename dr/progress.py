"""Telling whoever watches how far a long step is, without knowing who that is.

``dr`` reports to the reporter of the current context; the CLI puts a terminal bar there, the flows a Prefect progress
artifact, tests and library users nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class Reporter(Protocol):
    """Receives bytes moved. Called from pump threads, often; must be quick and must not raise."""

    def begin(self, step: str, total: int | None) -> None:
        """A step that moves bytes begins; ``total`` bytes are expected, when known."""
        ...

    def advance(self, step: str, count: int) -> None:
        """``count`` more bytes have moved."""
        ...

    def end(self, step: str) -> None:
        """The step is over, well or not."""
        ...


class Silent:
    """Nobody watches."""

    def begin(self, step: str, total: int | None) -> None: ...
    def advance(self, step: str, count: int) -> None: ...
    def end(self, step: str) -> None: ...


_current: ContextVar[Reporter] = ContextVar("dr_progress_reporter", default=Silent())  # noqa: B039 - stateless


def reporter() -> Reporter:
    """The reporter of this context. Fetch it before starting threads: they do not inherit it."""
    return _current.get()


@contextmanager
def reporting_to(target: Reporter) -> Iterator[None]:
    """Send the progress of everything inside to ``target``."""
    token = _current.set(target)
    try:
        yield
    finally:
        _current.reset(token)
