"""Remove local copies that the policy lets go, manifest first, and sweep what killed runs left behind."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from dr.catalog.labels import Label
from dr.configuration.model import System
from dr.errors import ConfigurationError
from dr.operations.repositories import open_repository
from dr.policy.retention import Action, Copy, Decision, Rule, plan_expiry
from dr.storage.repository import Listing

logger = logging.getLogger(__name__)

GRACE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class StoreExpiry:
    """The decisions for one store, and how many unfinished backups were swept from it."""

    store: str
    decisions: tuple[Decision, ...]
    swept: tuple[str, ...]


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
    return tuple(
        StoreExpiry(
            store=name,
            decisions=plan_expiry(_copies(listing, name), rule, now, run_succeeded=run_succeeded),
            swept=tuple(str(label) for label in repository.unfinished(name, now - GRACE)),
        )
        for name in repository.stores
    )


def _copies(listing: Listing, store: str) -> list[Copy]:
    return [
        Copy(
            label=item.label,
            proven=item.manifest.proven_level(store) is not None,
            elsewhere=any(other != store for other in item.stores),
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
        going = [decision.copy.label for decision in item.decisions if decision.action is Action.EXPIRE]
        going += [Label.parse(text) for text in item.swept]
        for label in going:
            repository.delete(label, item.store)
            logger.info("expired %s in %s", label, item.store)
            removed.append(f"{item.store}:{label}")
    return tuple(removed)
