"""One recovery in a test: planned, restored, replayed, and asked which rows it has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dr.configuration.model import System
from dr.operations.plan_recovery import Chosen, choose, plan
from dr.operations.restore import restore
from dr.operations.wal.replay import replayed
from dr.policy.recovery_plan import RecoveryPlan
from dr.policy.recovery_point import RecoveryPoint
from dr.policy.recovery_target import RecoveryTarget
from dr.postgres.connection import connected
from dr.postgres.inspection import scalar
from dr.postgres.recovery_log import Reached


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a recovery to a point has brought back."""

    ids: list[int]
    reached: Reached
    timeline: int
    chosen: Chosen
    plan: RecoveryPlan
    notes: tuple[str, ...]

    @property
    def point(self) -> RecoveryPoint:
        assert self.chosen.point is not None
        return self.chosen.point


def recover(system: System, directory: Path, target: RecoveryTarget, backup: str = "latest") -> Recovered:
    """Recover into a new directory and read the ids of the moments there."""
    chosen = choose(system, backup, str(directory), target)
    drawn = plan(system, chosen)
    restored = restore(system, chosen)
    with (
        replayed(system, chosen.found.manifest, directory, chosen.point) as copy,
        connected(copy.server.url_for("postgres")) as connection,
    ):
        ids = [row["id"] for row in connection.execute("SELECT id FROM moments ORDER BY id")]
        timeline = scalar(connection, "SELECT timeline_id FROM pg_control_checkpoint()")
        assert scalar(connection, "SELECT pg_is_in_recovery()") is False
    assert not directory.with_name(directory.name + "_wal").exists()
    return Recovered(ids, copy.reached, int(str(timeline)), chosen, drawn, (*restored.notes, *copy.notes))
