"""Backing up and recovering as the flows do it, one operation after the other, without any runner."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from dr.configuration.model import System
from dr.demo.story import RecoveryOutcome
from dr.evidence.phases import Stopwatch
from dr.operations.back_up_cluster import back_up_cluster
from dr.operations.back_up_database import back_up_database
from dr.operations.check_recovery import check_copy
from dr.operations.check_source import check_source
from dr.operations.plan_recovery import choose
from dr.operations.prove import prove
from dr.operations.publish import publish
from dr.operations.restore import restore
from dr.policy.recovery_target import RecoveryTarget, TargetKind

RUN = "scenario"


def back_up(system: System) -> None:
    """A dump and a base backup, each proven in both stores."""
    source = check_source(system, cloud=True)
    assert source.physical, source.physical_reason
    assert not source.facts.superuser
    for copy in (back_up_database, back_up_cluster):
        draft = copy(system, run=RUN, cloud=True)
        published = publish(system, draft, prove(system, draft, run=RUN))
        assert set(published.stores) == {"local", "cloud"}
        assert not published.problems


def recover(system: System, target: Path, moment: datetime) -> RecoveryOutcome:
    """To that moment, questioned before anybody uses it."""
    stopwatch = Stopwatch()
    with stopwatch.phase("find"):
        chosen = choose(system, "latest", str(target), RecoveryTarget(TargetKind.TIME, time=moment))
    restored = restore(system, chosen)
    copy = check_copy(system, chosen.found.manifest, chosen.target, chosen.point)
    copy.require(chosen.found.manifest.label)
    phases = (*stopwatch.phases, *restored.phases, *copy.phases)
    return RecoveryOutcome(chosen.found.manifest.label, phases, copy.canary)


def recover_and(tamper: Callable[[Path], None]) -> Callable[[System, Path, datetime], RecoveryOutcome]:
    """The same, with something done to the recovered directory before the shop gets it."""

    def recover_badly(system: System, target: Path, moment: datetime) -> RecoveryOutcome:
        outcome = recover(system, target, moment)
        tamper(target)
        return outcome

    return recover_badly
