"""Settings of the section ``cdn``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CdnSettings:
    """The cache in front of the application, whose content is stale after a recovery."""
