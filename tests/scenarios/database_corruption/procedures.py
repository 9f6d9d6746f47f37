"""Backing up and recovering as the flows do it, one operation after the other, without any runner."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from dr.components.registry import Part, configured
from dr.configuration.model import System
from dr.demo.story import RecoveryOutcome
from dr.evidence.phases import Stopwatch
from dr.operations.back_up_cluster import back_up_cluster
from dr.operations.back_up_database import back_up_database
from dr.operations.check_recovery import check_copy
from dr.operations.check_source import check_source
from dr.operations.component.back_up import back_up_component
from dr.operations.draft import Draft
from dr.operations.plan_recovery import choose
from dr.operations.point.compose import compose_point
from dr.operations.point.mark import mark_position
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
        _published(system, copy(system, run=RUN, cloud=True))


def back_up_beside(system: System) -> None:
    """Every component, proven in both stores, and a recovery point over all of it."""
    _components(system, Part.INFRASTRUCTURE)
    marked = mark_position(system)
    fresh = _components(system, Part.APPLICATION)
    _published(system, compose_point(system, marked, fresh, run=RUN, cloud=True))


def _components(system: System, part: Part) -> list[str]:
    """The labels of a backup of each kind, and of each part of a kind that is kept for times of its own."""
    return [
        _published(system, back_up_component(system, row.kind, run=RUN, cloud=True, keep_as=keep_as))
        for row in configured(system, part)
        for keep_as in row.classes(system)
    ]


def _published(system: System, draft: Draft) -> str:
    published = publish(system, draft, prove(system, draft, run=RUN))
    assert set(published.stores) == {"local", "cloud"}
    assert not published.problems
    return published.label


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
