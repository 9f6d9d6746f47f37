"""What every driver of a service can do: say how it is, stop it, start it, and go back to the release before.

A driver knows one service and the program that runs it. Which has to run before which, and whether the application
answers, is decided above it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class State(StrEnum):
    """How a service is, in words that every driver shares."""

    RUNNING = "running"
    STARTING = "starting"
    STOPPED = "stopped"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Status:
    """``detail`` is in the words of what runs it. ``release`` names what is deployed, where the driver can tell."""

    service: str
    state: State
    detail: str = ""
    release: str = ""


class Service(Protocol):
    """One service. Every call has a time limit, in seconds, and raises ``ServiceError`` beyond it."""

    @property
    def name(self) -> str: ...

    @property
    def after(self) -> tuple[str, ...]:
        """The services that have to run before this one."""
        ...

    def status(self, seconds: float) -> Status:
        """How it is now. Never raises for a service that is down; ``UNKNOWN`` with a detail where nobody can tell."""
        ...

    def stop(self, seconds: float) -> None:
        """Returns when it has stopped, for good: nothing restarts it. Nothing happens to one that is stopped."""
        ...

    def start(self, seconds: float) -> None:
        """Returns when it runs by its driver's account; whether it answers is for a health check."""
        ...

    def current_release(self) -> str:
        """What runs, by the name that ``roll_back`` takes; empty where the driver cannot tell."""
        ...

    def previous_release(self) -> str:
        """What it would go back to; empty when there is nothing before."""
        ...

    def roll_back(self, to: str, seconds: float) -> str:
        """Have it run the release ``to``; what it runs then. Where that is there already, it is started if it is down.

        Done again after it was cut off, it goes no further back. ``to`` may also be the newer one that it came from.
        """
        ...

    def last_words(self, seconds: float) -> str:
        """The end of what it has said itself, bounded and without secrets; empty where its driver keeps nothing."""
        ...
