"""Settings of the component ``secrets``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SecretsSettings:
    """To be filled by its component."""
