"""Remove local copies that the policy lets go, manifest first, then the WAL that only they needed, and sweep what
killed runs left behind.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from dr.catalog.labels import Kind, Label
from dr.catalog.manifest import Manifest
from dr.configuration.model import System
from dr.errors import ConfigurationError, StoreError
from dr.operations.expire_wal import plan_store_wal, remove_wal
from dr.operations.repositories import open_repository
from dr.policy.retention import Action, Copy, Decision, Rule, plan_expiry, removal_order
from dr.policy.wal_retention import WalPlan
from dr.storage.repository import Listing, Repository

logger = logging.getLogger(__name__)

GRACE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class StoreExpiry:
    """The decisions for one store, the unfinished backups to be swept from it, and what of its WAL goes.

    ``bases`` are the base backups that stay.
    """

    store: str
    decisions: tuple[Decision, ...]
    swept: tuple[str, ...]
    wal: WalPlan
    bases: tuple[Manifest, ...]


def plan_local_expiry(
    system: System, now: datetime, *, retention_days: int | None, run_succeeded: bool
) -> tuple[StoreExpiry, ...]:
    """What would expire in each local store, and why; nothing is removed."""
    if retention_days is not None and retention_days < 1:
        raise ConfigurationError(
            f"retention of {retention_days} days makes no sense",
            hint="Give 1 or more days, or none for the system's own.",
        )
    repository = open_repository(system, cloud=False)
    listing = open_repository(system).list()
    rule = Rule(retention_days or system.retention.local_days, system.retention.min_keep)
    return tuple(_plan_store(repository, name, listing, rule, now, run_succeeded) for name in repository.stores)


def _plan_store(
    repository: Repository, name: str, listing: Listing, rule: Rule, now: datetime, run_succeeded: bool
) -> StoreExpiry:
    unreadable = [text for text in listing.unreadable if text.startswith(f"{name}:")]
    decisions = plan_expiry(
        _copies(listing, name), rule, now, run_succeeded=run_succeeded, unreadable=_labels_in(unreadable)
    )
    staying = {item.copy.label for item in decisions if item.action is Action.KEEP}
    backups = [item.manifest for item in listing.backups if item.label in staying]
    bases = tuple(item for item in backups if item.kind is Kind.BASE)
    unfinished = repository.unfinished(name, now - GRACE)
    swept = tuple(str(label) for label in unfinished)
    # No WAL goes while it is not known what all the base backups need.
    doubts = [] if run_succeeded else ["the backup run failed: nothing expires"]
    doubts += [f"the store does not tell what it has: {error.message}" for error in _failures_of(listing, name)]
    doubts += [f"a manifest cannot be read: {text}" for text in unreadable]
    wal = WalPlan((), 0, doubts[0]) if doubts else plan_store_wal(repository, name, bases)
    return StoreExpiry(name, decisions, swept, wal, bases)


def _failures_of(listing: Listing, name: str) -> list[StoreError]:
    return [error for failed, error in listing.failures.items() if failed == name]


def _labels_in(unreadable: list[str]) -> list[Label]:
    """The backups whose manifests cannot be read, from the words on each: store, key, what is wrong."""
    found = []
    for text in unreadable:
        with suppress(ValueError):
            found.append(Label.from_path(text.split(":", 2)[1]))
    return found


def _copies(listing: Listing, store: str) -> list[Copy]:
    return [
        Copy(
            label=item.label,
            proven=item.manifest.proven_level(store) is not None,
            elsewhere=any(other != store for other in item.stores),
            parent=Label.parse(item.manifest.parent) if item.manifest.parent else None,
        )
        for item in listing.backups
        if store in item.stores
    ]


def apply_expiry(system: System, plan: tuple[StoreExpiry, ...]) -> tuple[str, ...]:
    """Carry the plan out; the labels removed, as ``store:label``."""
    repository = open_repository(system, cloud=False)
    removed = []
    for item in plan:
        # What a killed run was still writing has no name that anybody lists, but takes space.
        repository.store(item.store).sweep_partials(GRACE)
        going = [copy.label for copy in removal_order(item.decisions)]
        going += [Label.parse(text) for text in item.swept]
        for label in going:
            repository.delete(label, item.store)
            logger.info("expired %s in %s", label, item.store)
            removed.append(f"{item.store}:{label}")
        remove_wal(repository, item.store, item.wal, item.bases)
    return tuple(removed)
