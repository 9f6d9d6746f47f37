"""Asking the program that runs a service: one short command with a time limit, and its refusal in our words."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from dr.errors import ServiceError
from dr.pipeline.process import run
from dr.services.protocol import State, Status
from dr.services.words import masked

PAUSE_SECONDS = 0.25
ORDERLY = 0.8
"""The share of a stop's time that a service has for itself, before it is killed."""
_FAILED_LOOKS = 4


def tried(argv: tuple[str | Path, ...], seconds: float, directory: Path | None = None) -> tuple[str, str]:
    """What it wrote, and why it failed: empty when it did not. Raises ``ToolError`` where there is no such program."""
    name = " ".join(map(str, argv[:2]))
    begin = time.monotonic()
    ended, output = run(name, argv, deadline_seconds=seconds, directory=directory)
    if ended.ok:
        return output, ""
    if time.monotonic() - begin >= seconds:
        return output, f"{name} gave no answer within {seconds:g} s"
    return output, masked(f"exit status {ended.status}: {ended.stderr.strip() or output.strip()}")


def required(service: str, verb: str, argv: tuple[str | Path, ...], seconds: float, directory: Path | None) -> str:
    """What it wrote. Raises ``ServiceError`` in the program's own words when it fails: ``SERVICE does not VERB``."""
    output, problem = tried(argv, seconds, directory)
    if problem:
        raise ServiceError(
            f"{service} does not {verb}", detail=problem, hint=f"Try by hand: {' '.join(map(str, argv))}"
        )
    return output


def wait_until_running(
    look: Callable[[], Status], words: Callable[[], str], seconds: float, good: frozenset[State]
) -> None:
    """Return when its state is one of ``good``. Raises ``ServiceError`` when it keeps failing, or after ``seconds``."""
    deadline, failed = time.monotonic() + seconds, 0
    while True:
        status = look()
        if status.state in good:
            return
        failed = failed + 1 if status.state is State.FAILED else 0
        if failed >= _FAILED_LOOKS or time.monotonic() > deadline:
            raise ServiceError(
                f"{status.service} does not start: {status.state}, {status.detail}",
                detail=words(),
                hint="These are its last words.",
            )
        time.sleep(PAUSE_SECONDS)


def wait_until_down(
    look: Callable[[], Status], kill: Callable[[], object], words: Callable[[], str], seconds: float
) -> None:
    """Return when it is stopped or has failed; ``kill`` it after four fifths of ``seconds``; then ``ServiceError``."""
    begin, killed = time.monotonic(), False
    while True:
        status = look()
        if status.state in (State.STOPPED, State.FAILED):
            return
        gone = time.monotonic() - begin
        if gone > seconds:
            raise ServiceError(
                f"{status.service} does not stop within {seconds:g} s",
                detail=f"{status.state}, {status.detail}\n{words()}",
                hint="Stop it by hand.",
            )
        if gone > seconds * ORDERLY and not killed:
            kill()
            killed = True
        time.sleep(PAUSE_SECONDS)
