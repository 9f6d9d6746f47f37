"""How often each procedure ended well and not, how long it took, and which runs are missing: all by the evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from dr.catalog.runs import Place, RunFacts
from dr.components.registry import Part, configured
from dr.configuration.model import System
from dr.errors import StoreError
from dr.notify.registry import channels
from dr.operations.alert.book import read_book
from dr.operations.alert.proof import last_proof
from dr.operations.drill.draw import stores_elsewhere
from dr.operations.measure.evidence import read_runs
from dr.operations.repositories import open_repository
from dr.policy.expected_runs import Expected, overdue_runs
from dr.policy.metric import Sample, sample

METRICS = (
    "backup_success_total",
    "backup_failure_total",
    "procedure_success_total",
    "procedure_failure_total",
    "procedure_duration_seconds",
    "procedure_age_seconds",
    "procedure_last_failed",
    "schedule_overdue_seconds",
    "alert_channels_confirmed",
    "alert_test_age_seconds",
)


def measure_runs(system: System, now: datetime) -> Iterator[Sample]:
    """Raises the first StoreError when no store answers."""
    runs = read_runs(system, now)
    yield from _backups(system.name, runs)
    yield from _procedures(system.name, runs, now)
    yield from _overdue(system, runs, now)
    yield from _alert_path(system, runs, now)


def _backups(system: str, runs: Sequence[RunFacts]) -> Iterator[Sample]:
    made = Counter(place for run in runs for place in run.made)
    missed = Counter(place for run in runs for place in run.missed)
    for place in sorted({*made, *missed}, key=_order):
        yield sample("backup_success_total", made[place], system, place.kind, place.store)
        yield sample("backup_failure_total", missed[place], system, place.kind, place.store)


def _order(place: Place) -> tuple[str, str]:
    return place.kind, place.store


def _procedures(system: str, runs: Sequence[RunFacts], now: datetime) -> Iterator[Sample]:
    begun = [run for run in runs if not run.refused]
    for name in sorted({run.procedure for run in begun}):
        own = [run for run in begun if run.procedure == name]
        good = [run for run in own if run.completed]
        yield sample("procedure_success_total", len(good), system, name)
        yield sample("procedure_failure_total", len(own) - len(good), system, name)
        yield sample("procedure_last_failed", not own[-1].completed, system, name)
        if good:
            yield sample("procedure_duration_seconds", good[-1].seconds, system, name)
            yield sample("procedure_age_seconds", max(0.0, (now - good[-1].end).total_seconds()), system, name)


def _alert_path(system: System, runs: Sequence[RunFacts], now: datetime) -> Iterator[Sample]:
    """Whichever host has tested it. Where there is a channel, one that was never tested is so for ever."""
    proof = last_proof(read_book(system), runs)
    if proof is None:
        if channels(system):
            yield sample("alert_test_age_seconds", float("inf"), system.name)
        return
    yield sample("alert_test_age_seconds", (now - proof.at).total_seconds(), system.name)
    if proof.confirmed is not None:
        yield sample("alert_channels_confirmed", len(proof.confirmed), system.name)


def _overdue(system: System, runs: Sequence[RunFacts], now: datetime) -> Iterator[Sample]:
    """Nothing where nothing was ever kept: there a missing backup says it."""
    known_since = _known_since(system)
    if known_since is None:
        return
    newest = {run.procedure: run.begin for run in runs}
    patience = timedelta(hours=system.alerting.schedules.late_hours)
    for item in overdue_runs(expected_of(system), newest, known_since, now, patience):
        late = (now - item.since).total_seconds() if item.since else 0.0
        yield sample("schedule_overdue_seconds", late, system.name, item.procedure)


def expected_of(system: System) -> tuple[Expected, ...]:
    """What is to run by itself for this system: procedures with times that have something to do."""
    idle: set[str] = set()
    if not configured(system, Part.APPLICATION):
        idle |= {"application-backup", "component-recovery-test"}
    if not configured(system, Part.INFRASTRUCTURE):
        idle.add("infrastructure-backup")
    if system.wal.method == "none" or not system.postgres.physical:
        idle.add("wal-shipping")
    if not stores_elsewhere(system):
        idle.add("dr-test")
    if not channels(system):
        idle.add("alert-self-test")
    return tuple(Expected(name, cron) for name, cron in system.alerting.schedules.expected() if name not in idle)


def _known_since(system: System) -> datetime | None:
    """When the first store became this system's."""
    repository = open_repository(system)
    found = []
    for store in repository.stores.values():
        try:
            record = repository.identify(store)
        except StoreError:
            continue
        if record is not None:
            found.append(record.created)
    return min(found, default=None)
