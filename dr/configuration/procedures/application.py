"""Settings of the section ``application``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ApplicationSettings:
    """How the application is asked whether it works, and how long its services may take."""
