"""Settings of the component ``certificates``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CertificatesSettings:
    """To be filled by its component."""
