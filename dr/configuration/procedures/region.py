"""Settings of the section ``region``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RegionSettings:
    """The second region: its replica, and how the first is kept from writing."""
