"""Fence by the provider: the server's instances are stopped, and EC2 itself says that they are.

A security group would not do: connections that are open go on.
"""

from __future__ import annotations

import time

from dr.aws.ec2_power import Ec2Power
from dr.aws.session import make_client
from dr.configuration.model import System
from dr.operations.region.sites import Site
from dr.policy.promotion import FenceTried
from dr.policy.traffic_side import Side

SECTION = "region"
STOP_SECONDS = 600.0
OFF = ("stopped", "terminated")
_PAUSE_SECONDS = 2.0


def by_ec2(system: System, site: Site, other: Site) -> FenceTried | None:
    """Stop the first region's instances, by force; None where none are named, and for the second region."""
    region = system.procedures.region
    if not region.fence_instances or site.side is not Side.PRIMARY:
        return None
    power = Ec2Power(make_client(region, SECTION, "ec2"), SECTION)
    power.stop(region.fence_instances)
    deadline = time.monotonic() + STOP_SECONDS
    while True:
        states = power.states(region.fence_instances)
        shown = ", ".join(f"{name} {states.get(name, 'is not there')}" for name in region.fence_instances)
        if all(states.get(name) in OFF for name in region.fence_instances):
            return FenceTried("ec2", True, f"EC2 says: {shown}")
        if time.monotonic() > deadline:
            return FenceTried("ec2", False, f"not stopped within {STOP_SECONDS:.0f} s: {shown}")
        time.sleep(_PAUSE_SECONDS)
