"""Settings of the component ``logs``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogsSettings:
    """To be filled by its component."""
