"""Settings of the section ``incident``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IncidentSettings:
    """Who is told of an incident, and what its record contains."""
