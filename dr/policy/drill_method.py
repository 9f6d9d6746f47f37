"""The ways in which a drill restores; apart from all else, so that a command line can name them at once."""

from __future__ import annotations

from enum import StrEnum

from dr.policy.objectives import Scenario

RANDOM = "random"
"""A drill's target, or a component's backup, that is drawn by the seed."""
USUAL = Scenario.FULL_SYSTEM_FAILURE
"""What makes a component be restored from its backup."""


class Method(StrEnum):
    """What is restored: a base backup with WAL, a dump, or a base backup at the very snapshot of a dump."""

    PHYSICAL = "physical"
    LOGICAL = "logical"
    RECONCILE = "reconcile"
