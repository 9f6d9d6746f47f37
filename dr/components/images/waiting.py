"""Waiting for the cloud to finish something, by our own clock: it may take hours, or never end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dr.errors import ServerUnreachable, SourceBusy, SourceInvalid, StepTimedOut

_FIRST_SECONDS = 0.5
_LONGEST_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen of one thing that is waited for. ``what`` names it for a person; ``failed`` says why it never will.

    ``detail`` is how far it is.
    """

    what: str
    state: str
    done: bool
    failed: str = ""
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.what} is {self.state or 'not there'}{f' ({self.detail})' if self.detail else ''}"


def wait_for(look: Callable[[], Sequence[Sight]], minutes: float, *, stuck: str, broken: str) -> float:
    """Look again and again, ever less often, until all is done; the seconds that took.

    Raises ``SourceInvalid`` with the hint ``broken`` as soon as one has failed, ``StepTimedOut`` with the hint
    ``stuck`` after ``minutes``. An endpoint that does not answer for a while does not end the wait.
    """
    begin = time.monotonic()
    pause = _FIRST_SECONDS
    while True:
        waiting, trouble = _look(look, broken)
        if not waiting and not trouble:
            return time.monotonic() - begin
        left = begin + minutes * 60 - time.monotonic()
        if left <= 0:
            shown = "; ".join((*(str(item) for item in waiting), *trouble))
            names = ", ".join(item.what for item in waiting) or "the endpoint's answer"
            raise StepTimedOut(f"waited {minutes:g} minutes for {names}", shown, stuck)
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, _LONGEST_SECONDS)


def _look(look: Callable[[], Sequence[Sight]], hint: str) -> tuple[list[Sight], tuple[str, ...]]:
    """What is not done yet, and what kept us from seeing it."""
    try:
        sights = look()
    except (ServerUnreachable, SourceBusy) as error:
        return [], (f"{error.message}: {error.detail}",)
    broken = [item for item in sights if item.failed]
    if broken:
        raise SourceInvalid(
            "; ".join(f"{item.what} has failed" for item in broken),
            "; ".join(f"{item.what}: {item.failed}" for item in broken),
            hint,
        )
    return [item for item in sights if not item.done], ()
