"""Settings of the section ``status_page``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StatusPageSettings:
    """Where the product's users read how it is."""
