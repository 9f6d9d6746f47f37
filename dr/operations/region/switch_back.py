"""A planned change of the server in charge, in which nothing is lost: stop, compare, promote, and follow.

The server in charge is shut down in order, by which its replica gets all that it has, its last checkpoint included.
Only when the replica's WAL ends with that checkpoint is it promoted.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from dr.catalog.lsn import Lsn
from dr.configuration.model import System
from dr.errors import RecoveryFailed
from dr.operations.check_source import bin_directories
from dr.operations.region.afterwards import STOP_SECONDS
from dr.operations.region.fencing.sql import by_sql
from dr.operations.region.look import Fenced
from dr.operations.region.rebuild import SLOT, start_replica
from dr.operations.region.sites import Site, replication_url, role_of, sight_of
from dr.policy.promotion import FenceTried
from dr.postgres import following
from dr.postgres.connection import display_name
from dr.postgres.control_data import control_data
from dr.postgres.installations import server_for
from dr.postgres.slots import create_slot, drop_slot, inspect_slot
from dr.postgres.standby import major_of
from dr.services.registry import service

ARRIVE_SECONDS = 60.0
_PAUSE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Handed:
    """The old server's last WAL is on the replica: where both end, and how that is known."""

    end: Lsn
    proof: str
    fenced: Fenced


def hand_over(system: System, in_charge: Site, successor: Site, seconds: float = ARRIVE_SECONDS) -> Handed:
    """Shut the server in charge down and see that its replica has everything. Goes on after a run that was cut off.

    Raises ``RecoveryFailed`` when something is missing: nothing was promoted then, and starting the old server again
    after removing its standby.signal undoes it.
    """
    before = sight_of(in_charge)
    tried = by_sql(system, in_charge, successor) if before.answers else _was_stopped(system, in_charge)
    if not tried.proven:
        raise RecoveryFailed(
            f"{in_charge.name} cannot be shut down", tried.detail, "Its role must be a superuser; nothing was changed."
        )
    if in_charge.service and in_charge.directory is not None:
        service(system, in_charge.service).stop(STOP_SECONDS)
    end = _wait_for_all(system, in_charge, successor, seconds)
    proof = f"{successor.name} has all WAL up to {end}, which ends with the shutdown of {in_charge.name}"
    return Handed(end, proof, Fenced(before, sight_of(successor), (tried,), (str(tried), proof), quiet_seconds=0))


def _was_stopped(system: System, site: Site) -> FenceTried:
    """An earlier attempt may have shut it down: then its mark lies in its directory."""
    directory = site.directory
    if directory is not None and not following.server_of(directory) and (directory / "standby.signal").exists():
        return FenceTried("sql", True, "it was marked as a standby and shut down by an earlier attempt")
    return FenceTried("sql", False, "it does not answer, and was not shut down by us as far as is seen here")


def _wait_for_all(system: System, in_charge: Site, successor: Site, seconds: float) -> Lsn:
    """Until the replica's WAL ends with its primary's shutdown; where that is."""
    directory = successor.require_directory("its last WAL is read from there")
    installation = server_for(major_of(directory), bin_directories(system))
    deadline = time.monotonic() + seconds
    while True:
        role = role_of(successor)
        whole = role.received is not None and role.replayed == role.received
        if whole and following.shut_down_at(directory, installation, role.timeline, role.end):
            _require_equal(system, in_charge, successor, role.end)
            return role.end
        if time.monotonic() > deadline:
            raise RecoveryFailed(
                f"{successor.name} lacks the last WAL of {in_charge.name}: nothing was promoted",
                f"it has received {role.received} and replayed {role.replayed}; no shutdown is at its end",
                f"Remove standby.signal from the data directory of {in_charge.name} and start it again: it goes on "
                "where it was. Then look at the line between both, and run dr failback again.",
            )
        time.sleep(_PAUSE_SECONDS)


def _require_equal(system: System, in_charge: Site, successor: Site, end: Lsn) -> None:
    """Where the directory of the server that was shut down is on this host, its own word is compared."""
    if in_charge.directory is None:
        return
    installation = server_for(major_of(in_charge.directory), bin_directories(system))
    control = control_data(in_charge.directory, installation)
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
    if left.directory is None or not left.service:
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
