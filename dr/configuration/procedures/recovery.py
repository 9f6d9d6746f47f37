"""Settings of the section ``recovery``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecoverySettings:
    """Where a recovery puts what it brings back, and which services are the data's own."""
