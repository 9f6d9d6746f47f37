"""What which store misses, from the stores' indexes alone; nothing is changed.

A store misses what is newer than the beginning of its oldest base backup, or else than its own oldest WAL: what is
older was let go by retention. A store with neither is new and misses everything.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dr.catalog import labels
from dr.catalog.labels import MANIFEST_SUFFIX, Kind, kind_prefix
from dr.catalog.lsn import Lsn
from dr.catalog.manifest import from_json
from dr.catalog.wal_index import Break, StoredHistory, StoredPartial, StoredSegment, WalBlock
from dr.errors import DrError
from dr.operations.draft import StoreFailure
from dr.storage.protocol import Store
from dr.storage.repository import Repository
from dr.storage.wal_catalogue import StoreWal, WalCatalogue

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that ``target`` lacks; ``entry`` is the other store's word on it."""

    target: str
    source: str
    key: str
    block: WalBlock | None
    entry: StoredSegment | StoredPartial | StoredHistory


@dataclass(slots=True)
class Survey:
    """What is missing where, oldest first; what two stores have with different content; stores that gave no answer."""

    missing: list[Missing] = field(default_factory=list)
    breaks: list[tuple[str, WalBlock, Break]] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    failures: list[StoreFailure] = field(default_factory=list)
    known_breaks: list[Break] = field(default_factory=list)
    newest_base: Lsn | None = None


def survey(repository: Repository, names: Sequence[str]) -> Survey:
    """Compare the indexes of these stores."""
    stores = {name: repository.stores[name] for name in names}
    catalogue = WalCatalogue(repository.system, stores.values())
    indexes: dict[str, StoreWal] = {}
    found = Survey()
    for name in names:
        index = catalogue.read(name)
        if index.error is not None:
            found.failures.append(StoreFailure(name, index.error.message, index.error.hint))
        else:
            found.failures += [StoreFailure(name, text) for text in index.unreadable]
            indexes[name] = index
    for name, index in indexes.items():
        found.known_breaks += [gone for block in index.blocks for gone in block.breaks]
        begin = _base_begin(repository.system, stores[name], newest=True)
        found.newest_base = max((lsn for lsn in (begin, found.newest_base) if lsn is not None), default=None)
    for target, index in indexes.items():
        floor = _floor(repository.system, stores[target], index)
        for source, other in indexes.items():
            if source != target:
                _compare(repository.system, (target, index), (source, other), floor, found)
    found.missing = sorted({(item.target, item.key): item for item in found.missing}.values(), key=lambda one: one.key)
    return found


def _floor(system: str, target: Store, index: StoreWal) -> Lsn:
    """Older WAL than this the store does not miss."""
    begin = _base_begin(system, target, newest=False)
    if begin is not None:
        return begin
    begins = [block.geometry.begin(item.segment) for block in index.blocks for item in block.segments]
    return min(begins, default=Lsn(0))


def _base_begin(system: str, target: Store, *, newest: bool) -> Lsn | None:
    """Where the WAL of a store's newest or oldest base backup begins; one manifest is read, labels are in order."""
    try:
        keys = [item.key for item in target.list(kind_prefix(system, Kind.BASE)) if item.key.endswith(MANIFEST_SUFFIX)]
        for key in reversed(keys) if newest else keys:
            begin = from_json(target.read_bytes(key), key).begin_lsn
            if begin is not None:
                return begin
    except DrError as error:
        logger.warning("the base backups of store %s cannot be read: %s", target.name, error.message)
    return None


def base_needed(found: Survey) -> str:
    """Why only a new base backup makes recovery to the newest WAL possible; empty when one is there."""
    if found.failures and not found.newest_base:
        return ""  # nobody could be asked
    broken = [gone for gone in found.known_breaks if found.newest_base is None or gone.end > found.newest_base]
    if broken:
        worst = max(broken, key=lambda gone: gone.end)
        return f"WAL from {worst.begin} to {worst.end} is lost, and no base backup is newer: {worst.reason}"
    return "there is no base backup yet" if found.newest_base is None else ""


def _compare(
    system: str, target: tuple[str, StoreWal], source: tuple[str, StoreWal], floor: Lsn, survey: Survey
) -> None:
    name, index = target
    other_name, other = source
    mine = {(block.timeline, block.log): block for block in index.blocks}
    for block in other.blocks:
        own = mine.get((block.timeline, block.log))
        for entry in _lacking(own, block, floor, survey, f"{name} and {other_name}"):
            survey.missing.append(Missing(name, other_name, _key(system, entry), block, entry))
        known = own.breaks if own else ()
        survey.breaks += [(name, block, gone) for gone in block.breaks if gone not in known]
    for timeline, history in other.histories.items():
        if timeline not in index.histories:
            key = labels.wal_history_key(system, timeline)
            survey.missing.append(Missing(name, other_name, key, None, history))
        elif index.histories[timeline].plain_sha256 != history.plain_sha256:
            survey.conflicts.append(f"the history of timeline {timeline} differs between {name} and {other_name}")


def _lacking(
    own: WalBlock | None, other: WalBlock, floor: Lsn, survey: Survey, between: str
) -> Iterator[StoredSegment | StoredPartial]:
    held: Mapping[str, StoredSegment] = {item.name: item for item in own.segments} if own else {}
    for entry in other.segments:
        known = held.get(entry.name)
        if known is None and other.geometry.end(entry.segment) > floor:
            yield entry
        elif known is not None and known.plain_sha256 != entry.plain_sha256:
            survey.conflicts.append(f"{entry.name} differs between {between}")
    for rest in other.partials:
        have = own.find_partial(rest.segment) if own else None
        grown = have is None or have.valid_bytes < rest.valid_bytes
        if grown and rest.name not in held and other.geometry.end(rest.segment) > floor:
            yield rest


def _key(system: str, entry: StoredSegment | StoredPartial) -> str:
    if isinstance(entry, StoredPartial):
        return labels.wal_partial_key(system, entry.segment, entry.valid_bytes)
    return labels.wal_key(system, entry.segment)
