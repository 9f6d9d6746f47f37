"""Settings of the section ``erasure``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErasureSettings:
    """People who asked to be forgotten: which, and how they are erased again after a restore."""
