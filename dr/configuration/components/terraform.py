"""Settings of the component ``terraform``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TerraformSettings:
    """To be filled by its component."""
