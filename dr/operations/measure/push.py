"""Handing measurements to a push gateway, for hosts that nobody can scrape.

The gateway repeats what it was given last for ever: that nothing new comes is seen by its ``push_time_seconds`` alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, push_to_gateway

from dr.errors import NotDelivered
from dr.operations.measure.exposition import Measurements
from dr.policy.metric import Sample

JOB = "coreflow360-dr"
SECONDS = 30.0


def push(samples: Sequence[Sample], system: str, url: str) -> None:
    """Replace what the gateway at ``url`` has of this system. Raises ``NotDelivered`` when it does not take it."""
    registry = CollectorRegistry()
    registry.register(Measurements(lambda: samples))
    try:
        push_to_gateway(url, job=JOB, registry=registry, grouping_key={"system": system}, timeout=SECONDS)
    except (OSError, ValueError) as error:
        raise NotDelivered(
            f"the push gateway {url} did not take the measurements",
            detail=str(error),
            hint="See whether it runs there, and whether this host may reach it.",
        ) from error
