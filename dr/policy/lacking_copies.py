"""Which copies of a backup are missing where one should be: lost, or never made. Pure; ``now`` is an argument.

A copy that has expired is not missing, so only a backup that is younger than what its store keeps is held against it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from dr.catalog.labels import Kind
from dr.policy.retention_periods import FOREVER, Periods, period_of


@dataclass(frozen=True, slots=True)
class Room:
    """A store that answered. ``here``: on this machine, where copies stay for a shorter time."""

    name: str
    here: bool


@dataclass(frozen=True, slots=True)
class Made:
    """A backup: its kind and class of retention, when it was made, where to, and which stores hold it now."""

    kind: Kind
    keep_as: str
    at: datetime
    meant_for: Collection[str]
    held_by: Collection[str]


@dataclass(frozen=True, slots=True)
class Lack:
    """A store without its copy. ``lost``: it had one, which no expiry has taken."""

    store: str
    lost: bool

    def __str__(self) -> str:
        return f"LOST in {self.store}" if self.lost else f"not in {self.store}"


def lacking(made: Made, rooms: Iterable[Room], periods: Periods, local_days: int, now: datetime) -> tuple[Lack, ...]:
    """In the order of ``rooms``; of stores that did not answer nothing is known."""
    period = period_of(periods, made.kind, made.keep_as, local_days)
    found = []
    for room in rooms:
        days = period.of_store(is_local=room.here)
        kept = days == FOREVER or now - made.at < timedelta(days=days)
        if kept and room.name not in made.held_by:
            found.append(Lack(room.name, room.name in made.meant_for))
    return tuple(found)
