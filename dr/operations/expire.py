"""Remove the copies that the policy lets go, manifest first, then the WAL that only they needed, and sweep what killed
runs left behind.

A run expires what it makes and nothing else: the daily backup of the database no component, a component's no WAL. The
database's copies expire in local stores only; a component's in every store, each by the period of that place.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime

from dr.catalog.labels import DATABASE_KINDS, Kind, Label
from dr.configuration.model import System
from dr.errors import ConfigurationError, StoreDenied
from dr.operations.expire_plan import GRACE, Planner, StoreExpiry
from dr.operations.expire_wal import remove_wal
from dr.operations.repositories import open_repository
from dr.policy.retention import Action, Decision, removal_order
from dr.storage.repository import Repository

__all__ = ["GRACE", "StoreExpiry", "apply_expiry", "carry_out", "plan_component_expiry", "plan_local_expiry"]

logger = logging.getLogger(__name__)


def plan_local_expiry(
    system: System,
    now: datetime,
    *,
    retention_days: int | None,
    run_succeeded: bool,
    kinds: Collection[Kind] = DATABASE_KINDS,
) -> tuple[StoreExpiry, ...]:
    """What would expire of these kinds in each local store, and why; nothing is removed.

    ``retention_days`` stands for the database's own number of days, for once; other kinds keep theirs.
    """
    if retention_days is not None and retention_days < 1:
        raise ConfigurationError(
            f"retention of {retention_days} days makes no sense",
            hint="Give 1 or more days, or none for the system's own.",
        )
    repository = open_repository(system, cloud=False)
    plan = Planner(system, open_repository(system), now, kinds, retention_days, run_succeeded=run_succeeded)
    return tuple(plan.of_store(store) for store in repository.stores.values())


def plan_component_expiry(
    system: System, now: datetime, *, kinds: Collection[Kind], failed: Collection[Kind] = (), cloud: bool = True
) -> tuple[StoreExpiry, ...]:
    """What would expire of these kinds in every store, or with ``cloud`` False in the local ones, and why.

    ``failed`` are the kinds whose part of the run failed or had warnings: nothing of these goes or is swept.
    Raises ConfigurationError for the database's kinds: elsewhere their copies stay.
    """
    if not kinds or set(kinds) & set(DATABASE_KINDS):
        raise ConfigurationError(
            "an expiry in every store is for components only",
            detail=f"it was asked for {', '.join(kinds) or 'nothing'}",
            hint="Local copies of the database expire with its daily backup.",
        )
    repository = open_repository(system, cloud=cloud)
    plan = Planner(system, open_repository(system), now, kinds, None, failed=failed)
    return tuple(plan.of_store(store) for store in repository.stores.values())


def apply_expiry(system: System, plan: tuple[StoreExpiry, ...]) -> tuple[str, ...]:
    """Carry the plan out; the labels removed, as ``store:label``."""
    return tuple(label for _, removed in _carried_out(system, plan) for label in removed)


def carry_out(system: System, plan: tuple[StoreExpiry, ...]) -> tuple[StoreExpiry, ...]:
    """Carry the plan out; the plan as it came out: a copy that its store would not remove is ``RETAINED``."""
    return tuple(done for done, _ in _carried_out(system, plan))


def _carried_out(system: System, plan: tuple[StoreExpiry, ...]) -> list[tuple[StoreExpiry, list[str]]]:
    repository = open_repository(system)
    return [_carry_out(repository, item) for item in plan]


def _carry_out(repository: Repository, item: StoreExpiry) -> tuple[StoreExpiry, list[str]]:
    if item.note:
        return item, []
    store = repository.store(item.store)
    # What a killed run was still writing has no name that anybody lists, but takes space.
    with suppress(*(() if store.is_local else (StoreDenied,))):
        store.sweep_partials(GRACE)
    going = [copy.label for copy in removal_order(item.decisions)]
    going += [Label.parse(text) for text in item.swept]
    removed: list[str] = []
    refused: dict[Label, StoreDenied] = {}
    for label in going:
        try:
            repository.delete(label, item.store)
        except StoreDenied as error:
            if store.is_local:
                raise
            # A lock on the object or a policy of the bucket: it protects us too, and asking again changes nothing.
            refused[label] = error
            logger.info("retained %s in %s: %s", label, item.store, error.message)
            continue
        logger.info("expired %s in %s", label, item.store)
        removed.append(f"{item.store}:{label}")
    remove_wal(repository, item.store, item.wal, item.bases)
    decisions = tuple(_retained(decision, refused) for decision in item.decisions)
    swept = tuple(text for text in item.swept if Label.parse(text) not in refused)
    return dataclasses.replace(item, decisions=decisions, swept=swept), removed


def _retained(decision: Decision, refused: Mapping[Label, StoreDenied]) -> Decision:
    error = refused.get(decision.copy.label)
    if error is None:
        return decision
    return Decision(decision.copy, Action.RETAINED, f"{decision.reason}; the store keeps it: {error.detail}")
