"""Steps of telling people, and of proving that they are told."""

from __future__ import annotations

from dr.operations.alert import self_test
from dr.operations.alert.self_test import PathTest
from tasks.runner import publish_table, task
from tasks.systems import load_system


@task(name="send a test through every channel", timeout_seconds=300)
def try_channels(system: str) -> PathTest:
    """Each provider's own answer counts."""
    return self_test.prove_alert_path(load_system(system, require_postgres=False))


def show_path(test: PathTest) -> None:
    """The channels, and what each answered."""
    rows = [
        {
            "channel": item.channel,
            "leads to": item.place,
            "confirmed": "yes" if item.confirmed else "NO",
            "answer": item.identifier or item.error,
        }
        for item in test.tried
    ]
    publish_table("alert-path", rows, f"Test {test.code}: {len(test.confirmed)} of {len(rows)} channels confirmed")
