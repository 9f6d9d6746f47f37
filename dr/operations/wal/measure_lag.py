"""What a disaster now would cost: the age of the newest commit that can be recovered, by the server's clock (RPO)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from dr.configuration.model import System
from dr.errors import DrError
from dr.operations.check_source import source_url
from dr.operations.measure_loss import last_position
from dr.operations.wal.catch_up import CaughtUp, stored_end
from dr.operations.wal.check_wal import WalCheck
from dr.operations.wal.watch_intake import Intake
from dr.policy.objectives import Scenario
from dr.postgres.archiving import WalEnd, wal_position


@dataclass(frozen=True, slots=True)
class WalLag:
    """``seconds`` of commits that would be lost at most; None when nothing tells. ``objective_seconds`` is the limit.

    ``canary_seconds`` is how far the last canary row this host knows of is ahead of what can be recovered.
    """

    seconds: float | None
    objective_seconds: float
    explanation: str
    canary_seconds: float | None = None

    @property
    def met(self) -> bool:
        """A loss that nobody could measure is never within the objective."""
        return self.seconds is not None and self.seconds <= self.objective_seconds


def measure_lag(system: System, scenario: Scenario, intake: Intake, caught_up: CaughtUp, check: WalCheck) -> WalLag:
    """Hold what is stored against the server's clock now; against ours, and saying so, when it does not answer."""
    objective = system.objectives[scenario].rpo_seconds
    if check.broken:
        return WalLag(None, objective, f"what is committed now cannot be recovered: {check.broken}")
    now = _ask(system)
    end, _ = stored_end(system)
    known = [item for item in (intake.server, caught_up.switched, now) if item is not None]
    safe = [item.server_time for item in known if end is not None and item.lsn <= end]
    if check.newest is not None:
        safe.append(check.newest)
    if intake.receiver is not None and intake.receiver.alive and intake.receiver.stored_server_time is not None:
        safe.append(intake.receiver.stored_server_time)
    if not safe:
        return WalLag(None, objective, "nothing stored tells up to which moment commits are safe")
    until = max(safe)
    clock = now.server_time if now else datetime.now(UTC)
    beat = last_position(system)
    canary = max((beat.committed_at - until).total_seconds(), 0.0) if beat else None
    whose = "the server's clock" if now else "this host's clock: the server does not answer"
    return WalLag(
        max((clock - until).total_seconds(), 0.0),
        objective,
        f"all commits up to {until:%Y-%m-%d %H:%M:%S} UTC are safe, it is {clock:%H:%M:%S} by {whose}",
        canary,
    )


def _ask(system: System) -> WalEnd | None:
    try:
        sample = wal_position(source_url(system), system.wal_slot)
    except DrError:
        return None  # told as a problem of the intake already
    return WalEnd(sample.server_time, sample.lsn) if sample else None
