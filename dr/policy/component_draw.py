"""What is asked of a component's drill, and the draw of the backup that it restores. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from dr.catalog.labels import Kind, Label
from dr.policy.drill_method import RANDOM, USUAL
from dr.policy.objectives import Scenario


@dataclass(frozen=True, slots=True)
class ComponentRequest:
    """``backup`` is a label, ``random`` for any there is, or empty for the newest, which alone is judged by its age.

    ``stores`` empty: whatever a recovery would use. ``seed`` 0: a new one.
    """

    kind: Kind
    backup: str = ""
    scenario: Scenario = USUAL
    seed: int = 0
    stores: tuple[str, ...] = ()

    @property
    def newest(self) -> bool:
        """Whether the newest backup is wanted."""
        return self.backup in ("", "latest")

    @property
    def any(self) -> bool:
        """Whether any backup will do."""
        return self.backup == RANDOM


def draw_label(labels: Iterable[Label], seed: int) -> Label | None:
    """One of them, each with the same chance, the same one for the same seed; None when there is none.

    >>> draw_label([], 4711) is None
    True
    """
    ordered = sorted(labels)
    return random.Random(seed).choice(ordered) if ordered else None  # noqa: S311 - a lot, not a secret
