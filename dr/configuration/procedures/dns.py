"""Settings of the section ``dns``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DnsSettings:
    """The names that people reach the product by, and where they lead."""
