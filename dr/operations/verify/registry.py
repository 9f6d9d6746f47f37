"""Everything that can be verified and drilled, in one table: the database's kinds, and every component's.

The weekly verification goes through it. A component joins by its row in ``dr.components.registry``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from dr.catalog.labels import DATABASE_KINDS, Kind
from dr.catalog.manifest import Level
from dr.components.registry import BY_KIND, ROWS, Row, configured
from dr.configuration.model import System
from dr.operations.drill_outlook import Drillable
from dr.operations.repositories import open_repository
from dr.operations.verify.copies import Survey, copies_of
from dr.policy.drill_age import shown, shows, too_old
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
    drill: Drillable
    every: timedelta = timedelta(days=1)


VERIFIABLE: tuple[Verifiable, ...] = (
    Verifiable("database dump", Kind.DUMP, Level.LISTED, Method.LOGICAL),
    Verifiable("database cluster", Kind.BASE, Level.LISTED, Method.PHYSICAL),
    *(Verifiable(row.title, row.kind, Level.LISTED, row.kind, row.every) for row in ROWS),
)
"""WAL is verified with the cluster that it belongs to: by its chain, by a share every day, and by every drill to a
random second."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """Of what a system should have a new backup: a kind, or one of its classes of retention where each has its own."""

    of: Verifiable
    keep_as: str = ""

    @property
    def name(self) -> str:
        return f"{self.of.name}, {self.keep_as}" if self.keep_as else self.of.name

    def newest(self, listing: Listing) -> Backup | None:
        """The newest there is."""
        kept = (item for item in listing.backups if item.manifest.kind is self.of.kind)
        return next((item for item in kept if self.keep_as in ("", item.manifest.retention_class)), None)


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
    wanted = awaited(system)
    listing, problems = _listed(system, wanted)
    newest = [item for one in wanted if (item := one.newest(listing)) is not None]
    copies = [copy for backup in newest for copy in copies_of(backup)]
    chosen = tuple(Chosen(copy, Reason.ASKED) for copy in copies)
    return Survey(system.name, chosen, sum(1 for backup in listing.backups for _ in backup.stores), problems)


def states(system: System, now: datetime) -> tuple[State, ...]:
    """How every kind stands in every store that should have it; ``problem`` says what is missing or too old."""
    wanted = [one for one in awaited(system) if one.of.kind is not Kind.BASE or system.postgres.physical]
    listing, _ = _listed(system, wanted)
    answering = {item.name for item in system.stores} - listing.failures.keys()
    return tuple(state for one in wanted for state in _states(one, listing, answering, now))


def awaited(system: System) -> tuple[Awaited, ...]:
    """The database's kinds, and those of the components that the system has.

    What is left of a component that it has no longer is read with all other copies, and nobody waits for a newer; nor
    for one of what may come back empty.
    """
    database = tuple(Awaited(one) for one in VERIFIABLE if one.kind in DATABASE_KINDS)
    promised = (row for row in configured(system) if not row.may_be_missing(system))
    return (*database, *(one for row in promised for one in _parts(system, row)))


def _parts(system: System, row: Row) -> Iterator[Awaited]:
    one = next(item for item in VERIFIABLE if item.kind is row.kind)
    classes = row.classes(system)
    yield from (Awaited(one, name) for name in classes) if len(classes) > 1 else (Awaited(one),)


def _listed(system: System, wanted: Iterable[Awaited]) -> tuple[Listing, tuple[str, ...]]:
    listing = open_repository(system).list(dict.fromkeys(one.of.kind for one in wanted))
    if listing.failures and len(listing.failures) == len(system.stores):
        raise next(iter(listing.failures.values()))
    problems = [f"store {name} does not answer: {error.message}" for name, error in listing.failures.items()]
    return listing, (*problems, *(f"damaged manifest: {text}" for text in listing.unreadable))


def _states(one: Awaited, listing: Listing, answering: set[str], now: datetime) -> list[State]:
    newest = one.newest(listing)
    if newest is None:
        kind = one.of.kind
        command = f"{BY_KIND[kind].part}-backup --only {kind}" if kind in BY_KIND else "backup --cloud"
        return [State(one.name, "", None, "", "", None, f"there is none: run dr {command}")]
    every = one.of.every
    late = f"older than {shown(2 * every)}" if too_old(shows(newest.manifest), now, every) else ""
    lost = [store for store in newest.manifest.stores if store in answering and store not in newest.stores]
    return [
        *(_state(one.name, newest, store, late) for store in newest.stores),
        *(State(one.name, newest.manifest.label, None, store, "", None, "it was there, and is gone") for store in lost),
    ]


def _state(name: str, backup: Backup, store: str, problem: str) -> State:
    manifest = backup.manifest
    level = manifest.proven_level(store)
    proofs = [proof.at for proof in manifest.verifications if proof.store == store and proof.passed]
    told = level.name.lower().replace("_", "-") if level else ""
    return State(name, manifest.label, manifest.begin, store, told, max(proofs, default=None), problem)
