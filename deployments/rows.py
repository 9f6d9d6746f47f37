"""What registering did, thing by thing, for people and for programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

Say = Callable[[str], None]


class Done(StrEnum):
    """What became of one thing. ``kept`` is as somebody changed it in Prefect; ``warning`` needs a person's look."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    KEPT = "kept"
    REMOVED = "removed"
    CHECKED = "checked"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class DeployedRow:
    """One thing: its kind (``block``, ``work pool``, ``deployment``, ``schedule``), name, fate and what to know."""

    kind: str
    name: str
    done: Done
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.done}" + (f", {self.detail}" if self.detail else "")
