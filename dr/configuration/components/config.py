"""Settings of the component ``config``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConfigSettings:
    """To be filled by its component."""
