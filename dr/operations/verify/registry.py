"""Everything that can be verified and drilled, in one table: what joins the product later adds a row here.

The weekly verification goes through it, and a kind of backup that has no row fails a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from dr.catalog.labels import Kind
from dr.catalog.manifest import Level
from dr.configuration.model import System
from dr.operations.repositories import open_repository
from dr.operations.verify.copies import Survey, copies_of
from dr.policy.drill_age import shown
from dr.policy.drill_method import Method
from dr.policy.rotation import Chosen, Reason
from dr.storage.repository import Backup, Listing


@dataclass(frozen=True, slots=True)
class Verifiable:
    """A kind of backup: how far reading it can prove it, and which drill proves the rest.

    ``every`` is how often one is made: the newest must not be older than twice that.
    """

    name: str
    kind: Kind
    read_to: Level
    drill: Method
    every: timedelta = timedelta(days=1)


VERIFIABLE: tuple[Verifiable, ...] = (
    Verifiable("database dump", Kind.DUMP, Level.LISTED, Method.LOGICAL),
    Verifiable("database cluster", Kind.BASE, Level.LISTED, Method.PHYSICAL),
)
"""WAL is verified with the cluster that it belongs to: by its chain, by a share every day, and by every drill to a
random second."""


@dataclass(frozen=True, slots=True)
class State:
    """One kind as it stands: the newest backup of it, and how far each store's copy is proven, and since when."""

    name: str
    label: str
    made: datetime | None
    store: str
    level: str
    proven_at: datetime | None
    problem: str = ""

    def row(self, now: datetime) -> dict[str, str]:
        """For people."""
        return {
            "what": self.name,
            "newest": self.label,
            "made": f"{shown(now - self.made)} ago" if self.made else "",
            "store": self.store,
            "proven": self.level or "nothing",
            "proven last": f"{shown(now - self.proven_at)} ago" if self.proven_at else "never",
            "problem": self.problem,
        }


def newest_of_each(system: System) -> Survey:
    """The newest backup of every kind, each store's copy of it. Raises the first StoreError when no store answers."""
    listing, problems = _listed(system)
    newest = [item for one in VERIFIABLE if (item := listing.newest(one.kind)) is not None]
    copies = [copy for backup in newest for copy in copies_of(backup)]
    chosen = tuple(Chosen(copy, Reason.ASKED) for copy in copies)
    return Survey(system.name, chosen, sum(1 for backup in listing.backups for _ in backup.stores), problems)


def states(system: System, now: datetime) -> tuple[State, ...]:
    """How every kind stands in every store that should have it; ``problem`` says what is missing or too old."""
    listing, _ = _listed(system)
    return tuple(state for one in VERIFIABLE if _made_here(system, one) for state in _states(one, listing, now))


def _listed(system: System) -> tuple[Listing, tuple[str, ...]]:
    listing = open_repository(system).list([one.kind for one in VERIFIABLE])
    if listing.failures and len(listing.failures) == len(system.stores):
        raise next(iter(listing.failures.values()))
    problems = [f"store {name} does not answer: {error.message}" for name, error in listing.failures.items()]
    return listing, (*problems, *(f"damaged manifest: {text}" for text in listing.unreadable))


def _made_here(system: System, one: Verifiable) -> bool:
    return one.kind is not Kind.BASE or system.postgres.physical


def _states(one: Verifiable, listing: Listing, now: datetime) -> list[State]:
    newest = listing.newest(one.kind)
    if newest is None:
        return [State(one.name, "", None, "", "", None, "there is none: run dr backup --cloud")]
    age = now - newest.manifest.begin
    late = f"older than {shown(2 * one.every)}" if age > 2 * one.every else ""
    return [_state(one, newest, store, late) for store in newest.stores]


def _state(one: Verifiable, backup: Backup, store: str, problem: str) -> State:
    manifest = backup.manifest
    level = manifest.proven_level(store)
    proofs = [proof.at for proof in manifest.verifications if proof.store == store and proof.passed]
    told = level.name.lower().replace("_", "-") if level else ""
    return State(one.name, manifest.label, manifest.begin, store, told, max(proofs, default=None), problem)
