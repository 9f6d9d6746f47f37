"""Settings of the component ``files``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FilesSettings:
    """To be filled by its component."""
