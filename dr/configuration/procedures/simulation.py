"""Settings of the section ``simulation``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SimulationSettings:
    """Whether disasters may be made on purpose here."""
