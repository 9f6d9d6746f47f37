"""What each store has, and what a recovery from it would take: each by itself, so that one that hangs hides none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from dr.catalog.drills import DrillRecord
from dr.catalog.labels import DATABASE_KINDS, Kind
from dr.configuration.model import StoreSettings, System
from dr.errors import BackupNotFound, StoreError
from dr.operations.assess.wire import Line, Question, Topic, short
from dr.operations.choose_point import choose_point
from dr.operations.drill_history import read_history
from dr.operations.drill_outlook import drills_of
from dr.operations.rates import read_rates
from dr.operations.wal.window import find_window
from dr.policy.copies_in_sight import RECENT, Copy, Held, Latest
from dr.policy.drill_verdict import Verdict
from dr.policy.drills_in_sight import Drills
from dr.policy.next_step import Measured
from dr.policy.recovery_estimate import estimate
from dr.policy.recovery_target import RecoveryTarget
from dr.policy.wal_in_sight import Recoverable
from dr.storage.newest_first import BackupNames
from dr.storage.opening import open_store
from dr.storage.protocol import Store
from dr.storage.s3 import S3Store

DRILLS_BACK = timedelta(days=100)
"""Older drills say nothing of today; the quarterly one is within."""
_READ = 5


def answer(system: System, question: Question) -> Line:
    """By subject; ``question.name`` is the store, and every other store is left out."""
    settings = next(store for store in system.stores if store.name == question.name)
    alone = replace(system, stores=(settings,))
    if question.topic is Topic.WAL:
        return Line(answers=question, recoverable=_recoverable(alone))
    if question.topic is Topic.FORECAST:
        return Line(answers=question, measured=tuple(_recovery(alone)))
    if question.topic is Topic.DRILLS:
        return _drills(alone, question)
    names = BackupNames(system.name, {settings.name: _once(settings)})
    if question.topic is Topic.COMPONENTS:
        return Line(answers=question, components=tuple(_components(system, names)))
    return Line(answers=question, held=_held(settings, names))


def _held(settings: StoreSettings, names: BackupNames) -> Held:
    now = datetime.now(UTC)
    try:
        found = {kind: _newest(names, kind) for kind in DATABASE_KINDS}
        recent = [
            str(label)
            for kind in DATABASE_KINDS
            for label, _ in takewhile(lambda item: item[0].created >= now - RECENT, names.newest_first((kind,), None))
        ]
    except StoreError as error:
        return Held(settings.name, problem=short(f"{error.message}: {error.detail}"))
    for name, failure in names.failures.items():
        return Held(name, problem=short(f"{failure.message}: {failure.detail}"))
    return Held(settings.name, tuple(copy for copy in found.values() if copy is not None), tuple(recent))


def _once(settings: StoreSettings) -> Store:
    """The store, asked once for each thing: whether it answers at the fifth attempt is no matter for an assessment."""
    return S3Store(settings, attempts=1) if settings.kind == "s3" else open_store(settings)


def _newest(names: BackupNames, kind: Kind) -> Copy | None:
    """The newest that has a manifest which can be read."""
    for place, (label, holders) in enumerate(names.newest_first((kind,), None)):
        backup = names.read(label, holders, [])
        if backup is not None:
            level = backup.proven_level
            return Copy(str(label), label.created, level.name.lower().replace("_", "-") if level else "")
        if place + 1 == _READ:
            break
    return None


def _components(system: System, names: BackupNames) -> Iterator[Latest]:
    """The newest of everything that is not the database. Which there are is known by loading what takes them."""
    from dr.components import registry

    for row in registry.configured(system):
        if not row.may_be_missing(system):
            newest = next(iter(names.newest_first((row.kind,), None)), None)
            created = newest[0].created if newest else None
            yield Latest(row.title, created, row.every.total_seconds(), row.part.procedure)


def _recoverable(alone: System) -> Recoverable:
    together = find_window(alone).together
    current = together.current
    return Recoverable(
        newest=together.newest,
        broken=together.broken,
        gaps=len(together.holes),
        end=current.end_lsn if current else None,
        timeline=current.timeline if current else None,
    )


def _recovery(alone: System) -> Iterator[Measured]:
    """What a recovery of the database from this store would take, by the rates that were measured on this host."""
    try:
        point = choose_point(alone, RecoveryTarget())
    except BackupNotFound:
        return
    size = sum(base.manifest.stored_bytes for base in point.chain)
    forecast = estimate(read_rates(alone), point.base.manifest, size, len(point.pieces))
    until = point.newest if point.pieces else point.base.ended
    yield Measured("recover-db", forecast.seconds, forecast.basis, "rates", until)


def _drills(alone: System, question: Question) -> Line:
    """When each way to recover was last green, and what the newest green drills of each disaster took together."""
    records = read_history(alone, datetime.now(UTC) - DRILLS_BACK).records
    green = [record for record in records if record.verdict == Verdict.RECOVERABLE]
    last: dict[str, datetime] = {}
    for record in green:
        last.setdefault(record.method, record.begin)
    wanted = tuple(str(name) for name, why_not in drills_of(alone).items() if not why_not)
    return Line(answers=question, drills=Drills(last, wanted), measured=tuple(_by_scenario(green)))


def _by_scenario(green: list[DrillRecord]) -> Iterator[Measured]:
    for scenario in dict.fromkeys(record.scenario for record in green):
        newest: dict[str, DrillRecord] = {}
        for record in green:
            if record.scenario == scenario and record.rto_seconds is not None:
                newest.setdefault(record.method, record)
        seconds = sum(record.rto_seconds or 0.0 for record in newest.values())
        if newest:
            when = max(record.begin for record in newest.values())
            basis = (
                f"the drills of {', '.join(sorted(newest))}, the last of {when:%Y-%m-%d %H:%M} UTC, one after another"
            )
            yield Measured(scenario, seconds, basis, "drill", at=when)
