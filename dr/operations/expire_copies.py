"""The copies in one store as the retention policy sees them, and the rule for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dr.catalog.labels import DATABASE_KINDS, Kind, Label
from dr.catalog.manifest import Manifest
from dr.configuration.model import System
from dr.policy import log_days
from dr.policy.log_days import Entry
from dr.policy.retention import Copy, Rule
from dr.policy.retention_periods import period_of
from dr.storage.protocol import Store
from dr.storage.repository import Backup, Listing


def rules_of(system: System, retention_days: int | None, *, is_local: bool) -> Callable[[Copy], Rule]:
    """The rule for a copy of any kind and class in a store of this place."""
    settings = system.retention
    elsewhere_exists = any(store.kind != "local" for store in system.stores)

    def rule(copy: Copy) -> Rule:
        kind, keep_as = copy.group
        own = retention_days if kind in DATABASE_KINDS else None
        period = period_of(settings, kind, keep_as, own or settings.local_days)
        # Each day of logs is unique: what never reached the stores that keep it longest is not let go here.
        alone = period.elsewhere if kind is Kind.LOGS and is_local and elsewhere_exists else None
        return Rule(period.of_store(is_local=is_local), settings.min_keep, alone)

    return rule


def copies_in(store: Store, listing: Listing, stores: Mapping[str, Store]) -> list[Copy]:
    """What one store holds. Of logs ``elsewhere`` means that their days are, proven, in stores not on this machine."""
    away = _shipped_days(listing, frozenset(name for name, item in stores.items() if not item.is_local))
    return [_copy(item, store.name, away) for item in listing.backups if store.name in item.stores]


def _copy(item: Backup, store: str, away: frozenset[tuple[str, Entry]]) -> Copy:
    manifest = item.manifest
    elsewhere = any(other != store for other in item.stores)
    ends = None
    if manifest.kind is Kind.LOGS:
        elsewhere = _days_of(manifest) <= away
        ends = log_days.ends(manifest.component)
    return Copy(
        label=item.label,
        proven=manifest.proven_level(store) is not None,
        elsewhere=elsewhere,
        parent=Label.parse(manifest.parent) if manifest.parent else None,
        keep_as=manifest.retention_class,
        ends=ends,
        empty=manifest.kind is Kind.LOGS and ends is None,
    )


def _shipped_days(listing: Listing, names: frozenset[str]) -> frozenset[tuple[str, Entry]]:
    return frozenset(
        entry
        for item in listing.backups
        if item.manifest.kind is Kind.LOGS
        and any(name in names and item.manifest.proven_level(name) is not None for name in item.stores)
        for entry in _days_of(item.manifest)
    )


def _days_of(manifest: Manifest) -> frozenset[tuple[str, Entry]]:
    """Its closed files, of its class."""
    return frozenset((manifest.retention_class, entry) for entry in log_days.entries(manifest.component))
