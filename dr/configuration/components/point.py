"""Settings of the component ``point``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PointSettings:
    """To be filled by its component."""
