"""Settings of the section ``balancer``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BalancerSettings:
    """The load balancer that spreads requests over the application's servers."""
