"""Settings of the component ``images``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImagesSettings:
    """To be filled by its component."""
