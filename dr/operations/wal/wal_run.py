"""What a run of the ``wal_shipping`` procedure found, and the one error that says so at its end."""

from __future__ import annotations

from dataclasses import dataclass

from dr.errors import PartialBackup
from dr.operations.wal.catch_up import CaughtUp
from dr.operations.wal.check_wal import WalCheck
from dr.operations.wal.level_stores import LevelSummary
from dr.operations.wal.measure_lag import WalLag
from dr.operations.wal.prove_wal import WalProof
from dr.operations.wal.watch_intake import Intake


@dataclass(frozen=True, slots=True)
class WalReport:
    """The whole run. ``base_backup`` is the label of the one that had to be made, ``base_problem`` why it was not."""

    intake: Intake
    caught_up: CaughtUp
    level: LevelSummary
    check: WalCheck
    proof: WalProof
    lag: WalLag
    base_backup: str = ""
    base_problem: str = ""

    @property
    def problems(self) -> tuple[str, ...]:
        """Everything that is not as it should be, once each."""
        found = [*self.intake.problems, *self.caught_up.problems, *self.caught_up.refused]
        found += [f"store {item.store}: {item.message}" for item in (*self.caught_up.failures, *self.level.failures)]
        found += self.level.conflicts
        found += self.check.problems
        if self.base_backup:
            found.append(f"a new base backup was needed, and made: {self.base_backup}")
        if self.check.broken:
            found.append(f"new base backup needed: {self.check.broken}")
        if self.base_problem:
            found.append(f"the base backup that is needed was not made: {self.base_problem}")
        found += self.proof.problems
        if not any(row.segments for row in self.check.rows):
            found.append("no store holds any WAL yet")
        if not self.lag.met:
            found.append(f"RPO now {_seconds(self.lag)}, the objective is {self.lag.objective_seconds:.0f} s")
        return tuple(dict.fromkeys(found))

    def conclude(self) -> WalReport:
        """The report of a good run; otherwise ``PartialBackup`` with all that is wrong."""
        if not self.problems:
            return self
        newest = ", ".join(f"{row.store}: {row.newest_wal or 'nothing'}" for row in self.check.rows)
        raise PartialBackup(
            f"the WAL is not as safe as it should be; stored is {newest or 'nothing'}",
            detail="; ".join(self.problems),
            hint="Mend the cause; `dr window` shows what can be recovered meanwhile.",
        )


def _seconds(lag: WalLag) -> str:
    return f"{lag.seconds:.0f} s" if lag.seconds is not None else f"unknown ({lag.explanation})"
