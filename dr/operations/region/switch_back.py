"""A planned change of the server in charge, in which nothing is lost: stop, compare, promote, and follow.

The server in charge is shut down in order, by which its replica gets all that it has, its last checkpoint included.
Only when the replica's WAL ends with that checkpoint is it promoted.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from dr.catalog.labels import promotion_key
from dr.catalog.lsn import Lsn
from dr.configuration.model import System
from dr.errors import RecoveryFailed
from dr.operations.region.afterwards import STOP_SECONDS
from dr.operations.region.fencing.sql import by_sql
from dr.operations.region.here import installation_of, not_here
from dr.operations.region.look import Fenced
from dr.operations.region.rebuild import SLOT, start_replica
from dr.operations.region.sites import Site, replication_url, role_of, sight_of
from dr.policy.promotion import FenceTried
from dr.postgres import following
from dr.postgres.connection import display_name
from dr.postgres.control_data import control_data
from dr.postgres.slots import create_slot, drop_slot, inspect_slot
from dr.postgres.standby import ServerRole
from dr.services.registry import service

ARRIVE_SECONDS = 60.0
_PAUSE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Handed:
    """The old server's last WAL is on the replica: where both end, and how that is known."""

    end: Lsn
    proof: str
    fenced: Fenced


def hand_over(
    system: System, in_charge: Site, successor: Site, seconds: float = ARRIVE_SECONDS, *, begun: bool = False
) -> Handed:
    """Shut the server in charge down and see that its replica has everything.

    ``begun``: an attempt that was cut off had begun that, so a server that does not answer may have been shut down by
    it. Raises ``RecoveryFailed`` when something is missing: nothing was promoted then, and starting the old server
    again after removing its standby.signal undoes it.
    """
    before = sight_of(in_charge)
    tried = (
        by_sql(system, in_charge, successor) if before.answers else _was_stopped(system, in_charge, successor, begun)
    )
    if not tried.proven:
        raise RecoveryFailed(
            f"{in_charge.name} cannot be shut down", tried.detail, "Its role must be a superuser; nothing was promoted."
        )
    if in_charge.service and not not_here(system, in_charge, successor):
        service(system, in_charge.service).stop(STOP_SECONDS)
    end = _wait_for_all(system, in_charge, successor, seconds)
    proof = f"{successor.name} has all WAL up to {end}, which ends with the shutdown of {in_charge.name}"
    return Handed(end, proof, Fenced(before, sight_of(successor), (tried,), (str(tried), proof), quiet_seconds=0))


def _was_stopped(system: System, site: Site, successor: Site, begun: bool) -> FenceTried:
    """An earlier attempt may have shut it down: its mark lies in its directory, or its replica has its last WAL."""
    directory = site.directory
    if directory is not None and not not_here(system, site, successor):
        if not following.server_of(directory) and (directory / "standby.signal").exists():
            return FenceTried("sql", True, "it was marked as a standby and shut down by an earlier attempt")
    elif begun and _ends_with_shutdown(system, successor, role_of(successor)):
        return FenceTried("sql", True, "an earlier attempt has shut it down: that is the last that its replica has")
    return FenceTried("sql", False, "it does not answer, and was not shut down by us as far as is seen here")


def _wait_for_all(system: System, in_charge: Site, successor: Site, seconds: float) -> Lsn:
    """Until the replica's WAL ends with its primary's shutdown; where that is."""
    deadline = time.monotonic() + seconds
    while True:
        role = role_of(successor)
        if _ends_with_shutdown(system, successor, role):
            _require_equal(system, in_charge, successor, role.end)
            return role.end
        if time.monotonic() > deadline:
            raise RecoveryFailed(
                f"{successor.name} lacks the last WAL of {in_charge.name}: nothing was promoted",
                f"it has received {role.received} and replayed {role.replayed}; no shutdown is at its end",
                f"Remove standby.signal from the data directory of {in_charge.name} and start it again: it goes on "
                "where it was (where dr failback --may-start is asked before, first delete "
                f"{promotion_key(system.name, role.timeline + 1)} in every store), and its application, which was "
                "ended for this (dr recover-app --service NAME). Then look at the line between both, and run "
                "dr failback --anew.",
            )
        time.sleep(_PAUSE_SECONDS)


def _ends_with_shutdown(system: System, successor: Site, role: ServerRole) -> bool:
    """Whether the replica has replayed all that it has, and that ends with its primary's shutdown."""
    directory = successor.require_directory("its last WAL is read from there")
    whole = role.received is not None and role.replayed == role.received
    return whole and following.shut_down_at(directory, installation_of(system, directory), role.timeline, role.end)


def _require_equal(system: System, in_charge: Site, successor: Site, end: Lsn) -> None:
    """Where the directory of the server that was shut down is on this host, its own word is compared."""
    if in_charge.directory is None or not_here(system, in_charge, successor):
        return
    control = control_data(in_charge.directory, installation_of(system, in_charge.directory))
    last = Lsn.parse(control["Latest checkpoint location"])
    if control["Database cluster state"] not in ("shut down", "shut down in recovery") or last >= end:
        raise RecoveryFailed(
            f"{in_charge.name} says of itself: {control['Database cluster state']}, last checkpoint at {last}",
            f"{successor.name} has WAL up to {end}",
            "Nothing was promoted. Look at both logs.",
        )


def follow_back(system: System, left: Site, in_charge: Site) -> str:
    """Have the server that was in charge follow the other one now, where that can be done from this host.

    Through the slot that it followed through before, where that is still there. Returns what was done, or what a person
    has to do.
    """
    url = replication_url(system, in_charge)
    if left.directory is None or not left.service or not_here(system, left, in_charge):
        create_slot(url, SLOT)
        return (
            f"{left.name} is stopped and marked as a standby (standby.signal): on its host, set primary_conninfo to "
            f"{display_name(url)}, primary_slot_name to {SLOT}, start it, and drop the slot {SLOT} of its own"
        )
    slot = _slot(in_charge, following.slot_in_use(left.directory))
    if not following.server_of(left.directory):
        if slot == SLOT:
            create_slot(url, SLOT)
        following.lay_standby(left.directory, url, slot, f"dr_{left.side}")
    started = start_replica(system, left)
    # It kept WAL for the server that is in charge now, and would do so until the disk is full.
    drop_slot(replication_url(system, left), SLOT)
    return f"{started} through the slot {slot}"


def _slot(in_charge: Site, before: str) -> str:
    """The slot of before, if the server in charge still has it and its WAL; otherwise our own."""
    if before and before != SLOT:
        state = inspect_slot(in_charge.url, before)
        if state is not None and not state.lost:
            return before
    return SLOT


def settle(successor: Site) -> None:
    """A server that has taken over needs no password of its old primary any more."""
    if successor.directory is not None:
        following.forget_primary(successor.directory)
