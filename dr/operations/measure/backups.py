"""How old, large and well proven the newest backups are, per kind and store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice, takewhile
from statistics import median

from dr.catalog.labels import DATABASE_KINDS, Kind
from dr.catalog.manifest import Manifest
from dr.components.registry import Part, configured
from dr.configuration.model import System
from dr.operations.repositories import open_repository
from dr.policy.metric import Sample, Unmeasured, sample
from dr.storage.manifests import Backup

METRICS = (
    "backup_duration_seconds",
    "backup_size_bytes",
    "backup_age_seconds",
    "backup_good_age_seconds",
    "backup_size_ratio",
    "backup_rows_ratio",
    "backup_verified_level",
    "backup_verified_age_seconds",
    "backup_damaged_copies",
    "backup_store_lacking_seconds",
)
OF_A_STORE = (
    "backup_size_bytes",
    "backup_age_seconds",
    "backup_verified_level",
    "backup_verified_age_seconds",
    "backup_damaged_copies",
    "backup_store_lacking_seconds",
)
LOOKED_AT = 12
"""Of each kind so many of the newest are read: what is older than all of them is overdue in any case."""
ENOUGH = 3
SMALL_BYTES, SMALL_ROWS = 1 << 20, 100
DAY = timedelta(days=1)


def kinds_of(system: System, there: Iterable[Kind] = ()) -> dict[Kind, timedelta]:
    """What has to be backed up, and how old the newest good backup of each may be.

    What is ``there`` belongs to it as well: who only watches need not be told of the server.
    """
    limits = dict.fromkeys(there, DAY)
    if system.postgres.configured:
        limits[Kind.DUMP] = DAY
        if system.postgres.physical:
            limits[Kind.BASE] = DAY
    for row in configured(system):
        limits[row.kind] = DAY if row.part is Part.APPLICATION else 7 * DAY
    if any(row.part is Part.APPLICATION for row in configured(system)):
        limits[Kind.POINT] = DAY
    return limits


def measure_backups(system: System, now: datetime) -> Iterator[Sample | Unmeasured]:
    """Of a store that does not answer nothing is known. Raises the first StoreError when none does."""
    repository = open_repository(system)
    names = repository.names()
    there = {label.kind for label in names.all(DATABASE_KINDS)}
    names.raise_if_none_answered()
    yield from (Unmeasured(name, store) for store in names.failures for name in OF_A_STORE)
    answered = sorted(set(repository.stores) - set(names.failures))
    damaged = dict.fromkeys(answered, 0)
    verified: dict[str, datetime] = {}
    for kind, limit in kinds_of(system, sorted(there)).items():
        yield sample("backup_age_limit_seconds", limit.total_seconds(), system.name, str(kind))
        found = list(islice(repository.newest_first([kind]), LOOKED_AT))
        if found:
            yield from _of_kind(system.name, kind, found, now)
            yield from _lacking(system.name, kind, found, answered, now)
        else:
            yield sample("backup_good_age_seconds", float("inf"), system.name, str(kind))
        _note_proofs(found, damaged, verified)
        if kind is Kind.DUMP:
            yield from _rows(system.name, [item.manifest for item in found])
    for store, count in damaged.items():
        yield sample("backup_damaged_copies", count, system.name, store)
    for store, at in verified.items():
        yield sample("backup_verified_age_seconds", (now - at).total_seconds(), system.name, store)


def _of_kind(system: str, kind: Kind, found: Sequence[Backup], now: datetime) -> Iterator[Sample]:
    newest = found[0].manifest
    yield sample("backup_duration_seconds", (newest.end - newest.begin).total_seconds(), system, str(kind))
    good = next((item for item in found if item.proven_level is not None), None)
    age = (now - good.manifest.end).total_seconds() if good else float("inf")
    yield sample("backup_good_age_seconds", age, system, str(kind))
    for store in sorted({name for item in found for name in item.stores}):
        held = [item.manifest for item in found if store in item.stores]
        proven = next((item for item in held if item.proven_level(store) is not None), None)
        yield sample("backup_size_bytes", held[0].stored_bytes, system, str(kind), store)
        yield sample("backup_verified_level", int(held[0].proven_level(store) or 0), system, str(kind), store)
        if proven is not None:
            yield sample("backup_age_seconds", (now - proven.end).total_seconds(), system, str(kind), store)
    alike = [item.manifest.stored_bytes for item in found if item.label.method is newest.parsed_label.method]
    if len(alike) > ENOUGH and max(alike[0], median(alike[1:])) >= SMALL_BYTES:
        yield sample("backup_size_ratio", alike[0] / max(median(alike[1:]), 1), system, str(kind))


def _lacking(
    system: str, kind: Kind, found: Sequence[Backup], stores: Sequence[str], now: datetime
) -> Iterator[Sample]:
    """Of the backups that are newer than the newest in a store. One that has none of them lacks them all."""
    for store in stores:
        newer = list(takewhile(lambda item: store not in item.stores, found))  # noqa: B023 - used at once
        age = (now - newer[-1].manifest.end).total_seconds() if newer else 0.0
        yield sample("backup_store_lacking_seconds", age, system, str(kind), store)


def _rows(system: str, dumps: Sequence[Manifest]) -> Iterator[Sample]:
    """Of the table that lost the largest share of its rows since the dump before; small tables say nothing."""
    counted = [_counts(item) for item in dumps if item.contents is not None][:2]
    if len(counted) == 2:
        new, old = counted
        shares = [new.get(name, 0) / rows for name, rows in old.items() if rows >= SMALL_ROWS]
        yield sample("backup_rows_ratio", min(shares, default=1.0), system)


def _counts(manifest: Manifest) -> Mapping[str, int]:
    return {table.name: table.rows for table in manifest.contents.tables} if manifest.contents else {}


def _note_proofs(found: Sequence[Backup], damaged: dict[str, int], verified: dict[str, datetime]) -> None:
    for item in found:
        for proof in item.manifest.verifications:
            if proof.store in item.stores:
                verified[proof.store] = max(proof.at, verified.get(proof.store, proof.at))
        for store in item.stores:
            last = max((p for p in item.manifest.verifications if p.store == store), key=lambda p: p.at, default=None)
            if last is not None and not last.passed:
                damaged[store] = damaged.get(store, 0) + 1
