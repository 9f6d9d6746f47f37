"""What would expire in one store, and why; nothing is removed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from dr.catalog.labels import Kind, Label
from dr.catalog.manifest import Manifest
from dr.configuration.model import System
from dr.errors import StoreError
from dr.operations.expire_copies import copies_in, rules_of
from dr.operations.expire_wal import plan_store_wal
from dr.policy.retention import Action, Copy, Decision, Rule, plan_expiry
from dr.policy.retention_points import PointCopy, members_here, needed_by_points
from dr.policy.wal_retention import WalPlan
from dr.storage.manifests import essentials
from dr.storage.protocol import Store
from dr.storage.repository import Repository

GRACE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class StoreExpiry:
    """The decisions for one store, the unfinished backups to be swept from it, and what of its WAL goes.

    ``bases`` are the base backups that stay, without their objects. ``note`` says why nothing could be decided.
    """

    store: str
    decisions: tuple[Decision, ...]
    swept: tuple[str, ...]
    wal: WalPlan
    bases: tuple[Manifest, ...]
    note: str = ""


class Planner:
    """What all stores list of these kinds and of the recovery points, which need copies of others."""

    def __init__(
        self,
        system: System,
        repository: Repository,
        now: datetime,
        kinds: Collection[Kind],
        retention_days: int | None,
        *,
        run_succeeded: bool = True,
        failed: Collection[Kind] = (),
    ) -> None:
        self._system = system
        self._repository = repository
        self._now = now
        self._kinds = frozenset(kinds)
        self._days = retention_days
        self._succeeded = run_succeeded
        self._failed = frozenset(failed if run_succeeded else kinds)
        wanted = [kind for kind in Kind if kind in {*kinds, Kind.POINT}]
        self._listing = repository.list(wanted, keep=essentials)

    def of_store(self, store: Store) -> StoreExpiry:
        """The plan for one store. One that does not answer is left as it is, and the others' plans are made."""
        try:
            if store.name in self._listing.failures:
                raise self._listing.failures[store.name]
            return self._of_store(store)
        except StoreError as error:
            told = f"the store does not tell what it has: {error.message}"
            return StoreExpiry(store.name, (), (), WalPlan((), 0, told), (), told)

    def _of_store(self, store: Store) -> StoreExpiry:
        name = store.name
        unreadable = [text for text in self._listing.unreadable if text.startswith(f"{name}:")]
        decisions = self._decisions(store, _labels_in(unreadable))
        staying = {item.copy.label for item in decisions if item.action is Action.KEEP}
        backups = [item.manifest for item in self._listing.backups if item.label in staying]
        bases = tuple(item for item in backups if item.kind is Kind.BASE)
        sweeping = [kind for kind in Kind if kind in self._kinds - self._failed]
        swept = tuple(map(str, self._repository.unfinished(name, self._now - GRACE, sweeping)))
        return StoreExpiry(name, decisions, swept, self._wal(name, unreadable, bases), bases)

    def _decisions(self, store: Store, unreadable: list[Label]) -> tuple[Decision, ...]:
        rules = rules_of(self._system, self._days, is_local=store.is_local)
        copies = copies_in(store, self._listing, self._repository.stores)
        points = [copy for copy in copies if copy.label.kind is Kind.POINT]
        expiring: frozenset[Label] = frozenset()
        if Kind.POINT in self._kinds:
            # Decided first and for themselves: a point that goes needs nothing any more.
            decided = self._expire(points, rules, unreadable, {})
            expiring = frozenset(item.copy.label for item in decided if item.action is Action.EXPIRE)
        # Whichever store's it is: what a point names may lie in any.
        doubtful = [label for label in _labels_in(self._listing.unreadable) if label.kind is Kind.POINT]
        needed = needed_by_points(self._points(store.name, expiring), doubtful, copies)
        return self._expire([copy for copy in copies if copy.label.kind in self._kinds], rules, unreadable, needed)

    def _points(self, store: str, expiring: frozenset[Label]) -> list[PointCopy]:
        """Those that stay somewhere, with what each needs in this store. Where its manifest says that one is, and the
        store does not answer, it stays.
        """
        holders = {item.label: item.stores for item in self._listing.backups}
        found = []
        for item in self._listing.backups:
            places = [name for name in item.stores if name != store or item.label not in expiring]
            places += [name for name in item.manifest.stores if name in self._listing.failures]
            if item.manifest.kind is Kind.POINT and places:
                members = map(Label.parse, item.manifest.point_members)
                found.append(PointCopy(item.label, members_here(members, store, places, holders)))
        return found

    def _expire(
        self,
        copies: list[Copy],
        rules: Callable[[Copy], Rule],
        unreadable: list[Label],
        needed: Mapping[Label, str],
    ) -> tuple[Decision, ...]:
        return plan_expiry(
            copies,
            rules,
            self._now,
            run_succeeded=self._succeeded,
            failed=self._failed if self._succeeded else (),
            unreadable=unreadable,
            needed_by=needed,
        )

    def _wal(self, name: str, unreadable: list[str], bases: tuple[Manifest, ...]) -> WalPlan:
        if Kind.BASE not in self._kinds:
            return WalPlan((), 0, "WAL goes with the base backups")
        # No WAL goes while it is not known what all the base backups need.
        doubts = ["the backup run failed: nothing expires"] if Kind.BASE in self._failed else []
        doubts += [f"a manifest cannot be read: {text}" for text in unreadable]
        return WalPlan((), 0, doubts[0]) if doubts else plan_store_wal(self._repository, name, bases)


def _labels_in(unreadable: Iterable[str]) -> list[Label]:
    """The backups whose manifests cannot be read, from the words on each: store, key, what is wrong."""
    found = []
    for text in unreadable:
        with suppress(ValueError):
            found.append(Label.from_path(text.split(":", 2)[1]))
    return found
