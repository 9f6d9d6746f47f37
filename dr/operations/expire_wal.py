"""Let go of the WAL of one store that none of its base backups needs, and prove that its window is what it was (I16).

Of a log file the record in the index goes first: what nobody lists nobody relies on. An expiry that is cut off then
leaves objects without a record, and the next one removes them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence

from dr.catalog import labels
from dr.catalog.manifest import Manifest
from dr.errors import BackupInvalid
from dr.policy.wal_coverage import WalHoldings
from dr.policy.wal_retention import KeptBase, LogFile, Reaches, WalPlan, plan_wal_expiry, reaches, shrunk
from dr.storage.protocol import Store
from dr.storage.repository import Repository
from dr.storage.wal_catalogue import StoreWal, WalCatalogue

logger = logging.getLogger(__name__)

_WAL_NAME = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})[0-9A-F]{8}\.")


def plan_store_wal(repository: Repository, name: str, kept: Sequence[Manifest]) -> WalPlan:
    """What would go from one store when these base backups stay in it. Nothing is removed."""
    return plan_wal_expiry(_bases(kept), _log_files(repository, name))


def remove_wal(repository: Repository, name: str, plan: WalPlan, kept: Sequence[Manifest]) -> int:
    """Carry a plan out; objects removed. The rule is not trusted: the window is worked out from the index itself,
    without what is to go before anything does, and again from what the store lists afterwards.

    Raises ``BackupInvalid`` when less can be recovered than before.
    """
    if not plan.going:
        return 0
    store = repository.store(name)
    index = _read(repository, name)
    before = _window(index, kept)
    left = [block for block in index.blocks if LogFile(block.timeline, block.log) not in plan.going]
    _require_same(name, before, _window(index, kept, WalHoldings(left)))
    removed = 0
    for item in plan.going:
        store.delete(labels.wal_block_key(repository.system, item.timeline, item.log))
        for listed in list(store.list(_objects_prefix(repository.system, item))):
            store.delete(listed.key)
            removed += 1
    _require_same(name, before, _window(_read(repository, name), kept))
    logger.info("expired %d log files of WAL (%d objects) in %s: %s", len(plan.going), removed, name, plan.reason)
    return removed


def _bases(kept: Sequence[Manifest]) -> tuple[KeptBase, ...]:
    return tuple(KeptBase(item.label, item.timeline, item.begin_lsn) for item in kept)


def _log_files(repository: Repository, name: str) -> Iterator[LogFile]:
    """Every log file of which there is a record, or an object, for what an earlier expiry left behind goes as well."""
    store = repository.store(name)
    for timeline, log in WalCatalogue(repository.system, [store]).block_names(name):
        yield LogFile(timeline, log)
    for listed in store.list(f"{repository.system}/wal/"):
        match = _WAL_NAME.match(listed.key.rsplit("/", 1)[-1])
        if match is not None:
            yield LogFile(int(match[1], 16), int(match[2], 16))


def _objects_prefix(system: str, item: LogFile) -> str:
    return f"{system}/wal/{item.timeline:08X}/{item}"


def _read(repository: Repository, name: str) -> StoreWal:
    store: Store = repository.store(name)
    found = WalCatalogue(repository.system, [store]).read(name)
    if found.error is not None:
        raise found.error
    return found


def _window(index: StoreWal, kept: Sequence[Manifest], holdings: WalHoldings | None = None) -> Reaches:
    histories = {timeline: item.ancestors for timeline, item in index.histories.items()}
    return reaches(holdings or WalHoldings(index.blocks), histories, _bases(kept))


def _require_same(name: str, before: Reaches, after: Reaches) -> None:
    lost = shrunk(before, after)
    if lost:
        raise BackupInvalid(
            f"expiring WAL in store {name} would shorten what can be recovered, or has done so",
            detail="; ".join(lost),
            hint="See whether somebody else removes objects there; make a base backup now: dr backup --kind base.",
        )
