"""What everything can do that decides where requests go: say how it is, plan, change, and be put back as it was.

A plan holds what there was. Whoever keeps it, or what came of it, can go back, also after this process has died. A
change is made only where things are as they were when it was planned, or where a run that died has left them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from dr.evidence.phases import Phase
from dr.policy.traffic_side import Side
from dr.policy.traffic_values import Outputs


@dataclass(frozen=True, slots=True)
class Now:
    """How something is. ``words`` are for people; ``value`` is in the switch's own writing, which only it reads.

    ``seconds``: how long, after a change, some may go on to be led by this: the time to live of an answer.
    """

    words: str
    value: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that a switch decides about, and how it is."""

    name: str
    now: Now


@dataclass(frozen=True, slots=True)
class Change:
    """What is to become of one thing. ``switch`` is who does it; ``side`` empty: back to what there was.

    ``before`` and ``after`` with the same value: nothing is to be done. ``hint`` is advice for the time before.
    """

    switch: str
    name: str
    side: str
    before: Now
    after: Now
    hint: str = ""

    @property
    def needed(self) -> bool:
        return self.before.value != self.after.value

    @property
    def lasting(self) -> bool:
        """Whether there is a state before and after. A cache that is emptied has none; every wish to is a new one."""
        return bool(self.before.value and self.after.value)

    def described(self) -> str:
        """One line for the plan that a person agrees to."""
        if not self.needed:
            return f"{self.switch}: {self.name}: nothing to do ({self.after.words})"
        return f"{self.switch}: {self.name}: from {self.before.words} to {self.after.words}"

    def back(self) -> Change:
        """The change that undoes this one."""
        return replace(self, side="", before=self.after, after=self.before, hint="")


@dataclass(frozen=True, slots=True)
class Switched:
    """A change that is in force. ``change.before`` is what was there: ``undo_traffic`` goes back to it.

    ``seconds`` is how long it took until it was in force; ``everywhere_seconds`` how long from then on some are still
    led to the old side, which counts in the recovery time. ``phases`` say both on this host's monotonic clock, the
    second in advance. ``todo`` is left for people, with its time.
    """

    change: Change
    seconds: float
    everywhere_seconds: float
    phases: tuple[Phase, ...]
    detail: str = ""
    todo: str = ""

    def described(self) -> str:
        """One line for the record."""
        if not self.change.needed:
            return self.change.described()
        later = f", seen by everybody within {self.everywhere_seconds:.0f} s" if self.everywhere_seconds else ""
        todo = f"; to do: {self.todo}" if self.todo else ""
        return f"{self.change.switch}: {self.change.name}: {self.change.after.words}{later}{todo}"


class Switch(Protocol):
    """One of them. Every call has a time limit; errors are ``InfrastructureError`` with the provider's own words."""

    @property
    def name(self) -> str:
        """``balancer``, ``dns``, ``cdn``: the section of its settings."""
        ...

    @property
    def lasting(self) -> bool:
        """Whether there is a state to look at. A cache that was emptied has none: emptying it again is always right."""
        ...

    @property
    def at_once(self) -> bool:
        """Whether the provider makes all of its changes in one piece."""
        ...

    def look(self) -> tuple[Seen, ...]:
        """How everything is that it decides about. Nothing is changed."""
        ...

    def plan(self, side: Side, outputs: Outputs) -> tuple[Change, ...]:
        """What leads requests to ``side``; what has nothing to do is among it, and says so. Nothing is changed."""
        ...

    def apply(self, changes: Sequence[Change]) -> tuple[Switched, ...]:
        """Make them, all or none where the provider can, and return when they are in force, read back.

        What is in force already is left alone. Raises ``InfrastructureError`` for what is neither as it was planned
        nor as it is wanted, before anything is changed.
        """
        ...

    def settled(self, change: Change) -> Change:
        """What is left to be done when a change is to stay: the time to live of before. Often there is nothing."""
        ...
