"""Every day: does an alert reach people? A test through every channel, confirmed by each provider's answer (I2)."""

from __future__ import annotations

from dr.errors import NotDelivered
from dr.operations.alert.self_test import ENOUGH, PathTest
from tasks.alerts import show_path, try_channels
from tasks.evidence import keep
from tasks.runner import flow


@flow(name="alert-self-test", flow_run_name="alert-self-test-{system}", when_done=keep)
def alert_self_test(system: str = "") -> PathTest:
    """Send a test message through every channel of one system. Fewer than two confirmed is a failure, and critical.

    Args:
        system: Name of the protected system (its ProtectedSystem block); empty for the only one.
    """
    test = try_channels(system)
    show_path(test)
    if not test.enough:
        raise NotDelivered(
            f"alerts reach people by {len(test.confirmed)} of {len(test.tried)} channels; {ENOUGH} are the least",
            detail="; ".join(f"{item.channel}: {item.error}" for item in test.tried if item.error),
            hint="Correct the channels that failed, or configure another; then run dr alert test.",
        )
    return test
