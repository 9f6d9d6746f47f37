"""Settings of the section ``infrastructure``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InfrastructureSettings:
    """How machines and networks are made again from their code."""
