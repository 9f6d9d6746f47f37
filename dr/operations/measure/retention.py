"""Is retention kept? What should have gone and is still there, and kinds of which too few good copies are left.

It takes every manifest of every store, so it is looked at once an hour; what was found is noted on this host for so
long.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from dr.catalog.labels import DATABASE_KINDS, Kind
from dr.catalog.runs import Place
from dr.components.registry import Part, configured
from dr.configuration.model import System
from dr.errors import StoreError
from dr.operations.expire import plan_component_expiry, plan_local_expiry
from dr.operations.expire_plan import StoreExpiry
from dr.operations.measure.evidence import read_runs
from dr.operations.noted import read_note, write_note
from dr.policy.metric import Sample, sample
from dr.policy.retention import Action, Decision

METRICS = ("retention_overdue_copies", "retention_lacking_copies")
LOOKED_EVERY = timedelta(hours=1)
DAILY, WEEKLY = timedelta(days=2), timedelta(days=9)
"""Expiry comes with the backup of its kind; until then, and while one of them fails, copies may stay so long."""


@dataclass(frozen=True, slots=True)
class _Found:
    at: datetime
    overdue: tuple[tuple[Place, int], ...]
    lacking: tuple[tuple[Place, int], ...]


def measure_retention(system: System, now: datetime) -> Iterator[Sample]:
    """Raises StoreError when a store does not tell what it has."""
    found = read_note(_file(system), _Found)
    if found is None or not timedelta(0) <= now - found.at < LOOKED_EVERY:
        found = _look(system, now)
        write_note(_file(system), found)
    for place, count in found.overdue:
        yield sample("retention_overdue_copies", count, system.name, place.kind, place.store)
    for place, count in found.lacking:
        yield sample("retention_lacking_copies", count, system.name, place.kind, place.store)


def _look(system: System, now: datetime) -> _Found:
    application = [row.kind for row in configured(system, Part.APPLICATION)]
    groups: list[tuple[list[Kind], timedelta]] = [
        (list(DATABASE_KINDS), DAILY),
        ([*application, Kind.POINT] if application else [], DAILY),
        ([row.kind for row in configured(system, Part.INFRASTRUCTURE)], WEEKLY),
    ]
    made = Counter(place for run in read_runs(system, now) for place in run.made)
    overdue: Counter[Place] = Counter()
    lacking: dict[Place, int] = {}
    for kinds, slack in groups:
        if not kinds:
            continue
        # As it was then: what would have gone by that time, and is here today.
        overdue.update(_counted(_plans(system, kinds, now - slack), lambda item: item.action is Action.EXPIRE))
        plans = _plans(system, kinds, now)
        good = _counted(plans, lambda item: item.copy.proven)
        # A store that was emptied has no copies to decide on; that it had some is told by the runs.
        stores = {plan.store for plan in plans}
        had = {place for place in made if place.kind in kinds and place.store in stores}
        for place in {*good, *had}:
            # A young system cannot have as many as it keeps at the least.
            lacking[place] = max(0, min(system.retention.min_keep, made[place]) - good[place])
    return _Found(now, tuple(overdue.items()), tuple(lacking.items()))


def _plans(system: System, kinds: list[Kind], now: datetime) -> tuple[StoreExpiry, ...]:
    if set(kinds) & set(DATABASE_KINDS):
        plans = plan_local_expiry(system, now, retention_days=None, run_succeeded=True, kinds=kinds)
    else:
        plans = plan_component_expiry(system, now, kinds=kinds)
    silent = next((plan for plan in plans if plan.note), None)
    if silent is not None:
        raise StoreError(f"store {silent.store} does not tell what it keeps", silent.note)
    return plans


def _counted(plans: Iterable[StoreExpiry], counts: Callable[[Decision], bool]) -> Counter[Place]:
    """How many copies of each kind in each store count, none where there are only others."""
    found: Counter[Place] = Counter()
    for plan in plans:
        for item in plan.decisions:
            found[Place(str(item.copy.label.kind), plan.store)] += counts(item)
    return found


def _file(system: System) -> Path:
    return system.state_directory / "measure" / f"{system.name}.retention.json"
