"""What the new primary needs beside its data: the application, a slot for its WAL, a base backup, and what was lost."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dr.catalog.lsn import Lsn
from dr.configuration.model import System
from dr.errors import ConfigurationError
from dr.evidence.findings import Loss
from dr.operations.application.parts import application_order
from dr.operations.application.start import start_services
from dr.operations.application.stop import stop_services
from dr.operations.back_up_cluster import back_up_cluster
from dr.operations.check_source import physical_url, source_url
from dr.operations.measure_loss import last_position, loss_between
from dr.operations.prove import prove
from dr.operations.publish import Published, publish
from dr.operations.region.archive import Replayed
from dr.operations.region.sites import Site, replication_url
from dr.operations.region.take_over import TookOver
from dr.policy.base_schedule import BaseMethod
from dr.policy.promotion import Witness
from dr.policy.service_order import Layers, only
from dr.postgres.connection import display_name, parameters
from dr.postgres.following import address_of
from dr.postgres.slots import create_slot
from dr.services.protocol import Status
from dr.services.registry import order

START_SECONDS = 300.0
STOP_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Rearmed:
    """Protection of the new primary: the slot that keeps its WAL, and what people still have to do."""

    slot: str
    slot_made: bool
    to_do: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RegionLoss:
    """What is lost. ``known_end`` is how far WAL was known outside of the new primary, ``switch`` where it took over.

    ``behind_bytes`` 0: nothing that was shipped is lost.
    """

    loss: Loss
    known_end: Lsn | None
    switch: Lsn
    behind_bytes: int
    explanation: str


def system_at(system: System, site: Site) -> System:
    """The system with its server at ``site``, for what reads ``postgres.url``."""
    postgres = dataclasses.replace(
        system.postgres,
        url=address_of(site.url, source_url(system)),
        replication_url=replication_url(system, site),
    )
    return dataclasses.replace(system, postgres=postgres)


def begin_services(system: System) -> tuple[Status, ...]:
    """Start the second region's services of the application, in order. Raises ``ServiceError``."""
    return start_services(system, _second_order(system))


def end_services(system: System) -> tuple[Status, ...]:
    """Stop them, in reverse order."""
    return stop_services(system, _second_order(system))


def _second_order(system: System) -> Layers:
    names = system.procedures.region.services
    found = order(system)
    missing = sorted(set(names) - {name for layer in found for name in layer})
    if missing:
        raise ConfigurationError(
            f"region.services names {', '.join(missing)}, and there is no such service",
            hint=f"Declare [system.{system.name}.services.{missing[0]}], or correct region.services.",
        )
    return only(found, names)


def first_order(system: System) -> Layers:
    """The first region's services of the application: all that are not data's own and not the second region's."""
    region = system.procedures.region
    theirs = {*region.services, region.primary_service or "", region.standby_service or ""}
    return tuple(kept for layer in application_order(system) if (kept := tuple(n for n in layer if n not in theirs)))


def rearm(system: System, site: Site) -> Rearmed:
    """Have the new primary keep its WAL for the receiver, and say what has to be pointed to it."""
    url = replication_url(system, site)
    made = create_slot(url, system.wal_slot)
    to_do = []
    if not leads_to(system, site):
        to_do.append(
            f"DATABASE_URL (postgres.url) names {display_name(physical_url(system))}, and "
            f"{display_name(site.url)} is in charge: change it on every host that backs up, unless it is a name that "
            "has moved with DNS"
        )
    if system.wal.method == "receive":
        to_do.append(
            f"see that a receiver runs against {display_name(site.url)} (dr wal status); the slot {system.wal_slot} "
            "keeps WAL for it until then, and fills that server's disk if none comes"
        )
    elif system.wal.method == "archive":
        to_do.append(
            "see that archive_command of the new primary fills wal.spool of a host of its region (dr wal status)"
        )
    return Rearmed(system.wal_slot, made, tuple(to_do))


def leads_to(system: System, site: Site) -> bool:
    """Whether ``postgres.url`` names the site's own address. A name that DNS moves is not looked behind."""
    mine, theirs = parameters(source_url(system)), parameters(site.url)
    return all(mine.get(key, "") == theirs.get(key, "") for key in ("host", "port"))


def back_up_at(system: System, site: Site, run: str) -> Published:
    """A full base backup of the new primary, in every store: no older one leads along its timeline as quickly."""
    moved = system_at(system, site)
    draft = back_up_cluster(moved, run=run, cloud=True, base_method=BaseMethod.FULL)
    return publish(moved, draft, prove(moved, draft, run=run))


def lost(
    system: System,
    took: TookOver,
    replayed: Replayed,
    leader_end: Lsn | None,
    witnesses: Sequence[Witness],
    disaster_at: datetime | None,
    begun: datetime,
) -> RegionLoss:
    """Canary against canary, and the last WAL that anybody outside knew of against where the new timeline begins.

    ``begun`` is when the failover was: where nobody says when the region went, a canary that was silent before that
    says nothing about the time between.
    """
    beat = took.known_beat or last_position(system)
    loss = loss_between(beat, took.last_beat, disaster_at, ended=begun, committed=took.last_commit)
    known = [replayed.stored, leader_end, *(item.end for item in witnesses if item.timeline == took.parent_timeline)]
    end = max((item for item in known if item is not None), default=None)
    behind = max(0, end - took.switch) if end is not None else 0
    if behind and loss.measured and not loss.seconds:
        explanation = f"{loss.explanation}, but {behind} bytes of WAL behind that are missing"
        loss = dataclasses.replace(loss, seconds=None, measured=False, explanation=explanation)
    if end is None:
        text = "nobody outside of the new primary knows how far the old one had come"
    elif behind == 0:
        text = f"all WAL that is known outside goes to {end}, the new timeline begins at {took.switch}: none is lost"
    else:
        text = (
            f"WAL from {took.switch} to {end} ({behind} bytes) on timeline {took.parent_timeline} is not in the new "
            "primary; which transactions these are is listed when the old server is back (dr failback)"
        )
    return RegionLoss(loss, end, took.switch, behind, text)
