"""Promote, and see that the new primary really takes writes on a timeline of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dr.catalog.canary import Beat
from dr.catalog.lsn import Lsn
from dr.catalog.timelines import parse_history
from dr.configuration.model import System
from dr.errors import RecoveryFailed
from dr.operations.measure_loss import last_position
from dr.operations.region.claim import claim_timeline
from dr.operations.region.look import Fenced, require_still
from dr.operations.region.sites import Site, replication_url, role_of
from dr.postgres import canary
from dr.postgres.connection import connected, display_name
from dr.postgres.slots import timeline_history
from dr.postgres.standby import forget_synchronous_standbys, promote, write_something

PROMOTE_SECONDS = 600.0
WRITE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class TookOver:
    """The new primary. ``switch`` is where its timeline left the old one: what lies behind it there is lost.

    ``last_beat`` is the last canary row in it, ``last_commit`` the newest commit that it had replayed. ``known_beat``:
    the last one that this host knew of before the promotion: where the canary follows a name, it goes on with the new
    primary at once, and what it notes from then on says nothing of the old one.
    """

    server: str
    timeline: int
    parent_timeline: int
    switch: Lsn
    wrote_at: Lsn
    last_beat: Beat | None
    last_commit: datetime | None
    known_beat: Beat | None = None
    notes: tuple[str, ...] = ()


def claim(system: System, successor: Site, run: str) -> tuple[str, ...]:
    """Claim the timeline that the successor will open. One that is in charge already needs none any more."""
    role = role_of(successor)
    if not role.standby:
        return ()
    return claim_timeline(system, role.timeline + 1, display_name(successor.url), role.system_identifier, run)


def take_over(system: System, leader: Site, successor: Site, fenced: Fenced) -> TookOver:
    """Promote the successor and write to it. Goes on with one that was promoted by a run that was cut off.

    Raises ``NotFenced`` when the old leader, or a third server, shows up at the last moment.
    """
    before = role_of(successor)
    if before.standby:
        require_still(system, leader, successor, fenced)
    known = last_position(system) if before.standby else None
    role = promote(successor.url, PROMOTE_SECONDS)
    if role.timeline <= fenced.successor.timeline:
        raise RecoveryFailed(
            f"{successor.name} takes writes and is still on timeline {role.timeline}",
            hint="It was not promoted from its standby's state: look into its log before anybody writes to it.",
        )
    names = forget_synchronous_standbys(successor.url)
    notes = [f"synchronous_standby_names was {names!r}: emptied, or every commit would hang"] if names else []
    wrote_at = write_something(successor.url, WRITE_SECONDS)
    switch, parent = switch_of(system, successor, role.timeline)
    with connected(successor.url) as connection:
        beat = canary.last_beat(connection, known.seq if known is not None else None)
    return TookOver(
        server=display_name(successor.url),
        timeline=role.timeline,
        parent_timeline=parent,
        switch=switch,
        wrote_at=wrote_at,
        last_beat=beat,
        last_commit=before.last_commit,
        known_beat=known,
        notes=tuple(notes),
    )


def switch_of(system: System, site: Site, timeline: int) -> tuple[Lsn, int]:
    """Where a server's timeline left the one before it, and which that was."""
    history = parse_history(timeline_history(replication_url(system, site), timeline))
    if not history:
        raise RecoveryFailed(
            f"{site.name} is on timeline {timeline} and has no history of it", hint="Look into its pg_wal."
        )
    return history[-1].switch, history[-1].timeline
