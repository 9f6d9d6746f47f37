"""Make the server that was left behind a replica of the one in charge, and lose nothing that only it has.

What it had committed behind the fork is in no other place: it is listed, and its whole directory is copied aside,
before anything is changed in it.
"""

from __future__ import annotations

import logging
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from dr.catalog.labels import Kind
from dr.catalog.lsn import Lsn
from dr.configuration.model import System
from dr.errors import DrError, NotFenced, StepTimedOut, TargetRefused
from dr.operations.find_backup import find_backup
from dr.operations.region.afterwards import START_SECONDS, STOP_SECONDS, back_up_at
from dr.operations.region.diverged import Diverged, fork_of, require_same_cluster, require_stopped
from dr.operations.region.fencing import fence
from dr.operations.region.here import holds_cluster, installation_of, is_local, not_here
from dr.operations.region.sites import Site, replication_url, role_of, sight_of
from dr.operations.restore_cluster import restore_cluster
from dr.policy.promotion import FenceTried, Sight
from dr.postgres import following
from dr.postgres.own_files import own_files_kept, put_back_own_files, set_aside, take_own_files
from dr.postgres.slots import create_slot
from dr.postgres.standby import ServerRole
from dr.services.registry import service

logger = logging.getLogger(__name__)

SLOT = "dr_region"
"""Keeps WAL on the server in charge for the other region's, from when that is rebuilt until it takes over."""
_PAUSE_SECONDS = 0.2
_NEAR_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class KeptOut:
    """The left server does not serve: how it was seen before, and what was done."""

    before: Sight
    fences: tuple[FenceTried, ...] = ()

    def __str__(self) -> str:
        if self.before.leads:
            how = "; ".join(map(str, self.fences)) or "its service was stopped"
            return f"{self.before.name} had come back and took writes on timeline {self.before.timeline}: {how}"
        return str(self.before)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How the directory became a replica's: ``pg_rewind`` or ``base backup``, and the words of who did it."""

    method: str
    detail: str


def keep_out(system: System, left: Site, in_charge: Site) -> KeptOut:
    """See that the left server does not serve any more, before anything of it is touched.

    One that came back and takes writes is recognised by its older timeline, and fenced. Raises ``NotFenced`` where that
    cannot be, or where it is not the older one; ``TargetRefused`` where this is not its host, and nothing is stopped.
    """
    seen, role = sight_of(left), role_of(in_charge)
    if role.standby:
        raise TargetRefused(
            f"{in_charge.name} is a standby: there is nothing to follow",
            hint="Look at both servers (dr failback --dry-run): which of them is in charge?",
        )
    if seen.leads and seen.timeline >= role.timeline:
        raise NotFenced(
            f"{left.name} and {in_charge.name} both take writes",
            f"the first is on timeline {seen.timeline}, the second on {role.timeline}: it is not the older one",
            "Stop both, and let a person decide which is right. Nothing was changed.",
        )
    fences: tuple[FenceTried, ...] = ()
    _require_its_host(system, left, in_charge, seen)
    if left.service and holds_cluster(left.directory):
        service(system, left.service).stop(STOP_SECONDS)
    if sight_of(left).answers and seen.in_charge:
        fences = fence(system, left, in_charge)
        after = sight_of(left)
        if after.leads:
            raise NotFenced(
                f"{left.name} takes writes and cannot be stopped",
                "; ".join(map(str, fences)) or "no way of fencing is configured",
                "Stop it by hand, and run this again.",
            )
    return KeptOut(seen, fences)


def _require_its_host(system: System, left: Site, in_charge: Site, seen: Sight) -> None:
    """Before anything is stopped: its directory is here and is what was left behind, or there is none of it any more.

    Elsewhere the same service is what runs the server in charge.
    """
    directory = left.require_directory("it is stopped and rebuilt there")
    if holds_cluster(directory):
        refusal = not_here(system, left, in_charge)
    elif not is_local(left.url):
        refusal = "its address is none of this host, and its data directory is not here"
    else:
        refusal = f"it answers, and {directory} holds no cluster" if seen.answers else ""
    if refusal:
        raise TargetRefused(
            f"this is not the host of {left.name}",
            f"{refusal}; nothing was touched",
            f"Run this on its host, with region.{left.side}_url its own address there and region.{left.side}_directory "
            "its data directory.",
        )
    if holds_cluster(directory):
        fork_of(system, left, in_charge)


def rebuild(system: System, left: Site, in_charge: Site, diverged: Diverged, run: str) -> Rebuilt:
    """Have the directory follow the server in charge at its next start. Its own settings and access rules stay.

    By ``pg_rewind``; where that cannot be, or there is no directory, by a base backup that is made for it and restored.
    """
    directory = left.require_directory("it is rebuilt there")
    url = replication_url(system, in_charge)
    create_slot(url, SLOT)
    put_back_own_files(directory)  # of an attempt that was cut off
    if all((directory / name).exists() for name in ("backup_label", "recovery.signal")):
        reason, label = "by an attempt that was cut off", "restored already"
    elif (directory / "PG_VERSION").exists():
        require_stopped(directory)
        installation = installation_of(system, directory)
        require_same_cluster(directory, installation, role_of(in_charge))
        _require_as_listed(directory, following.last_checkpoint(directory, installation), diverged)
        try:
            with own_files_kept(directory):
                said = following.rewind(directory, installation, in_charge.url)
            following.lay_standby(directory, url, SLOT, f"dr_{left.side}")
            return Rebuilt("pg_rewind", said)
        except following.RewindImpossible as error:
            logger.warning("%s %s", error.message, error.detail)
            reason, label = error.detail, ""
    else:
        reason, label = f"{directory} held no cluster", ""
    label = label or _restored_anew(system, left, in_charge, directory, diverged, run)
    following.lay_standby(directory, url, SLOT, f"dr_{left.side}")
    return Rebuilt("base backup", f"{label} ({reason})")


def _require_as_listed(directory: Path, checkpoint: Lsn, diverged: Diverged) -> None:
    """Raise when a server has run in there since what only it has was listed: that would be lost, unlisted.

    What pg_rewind has finished in an attempt that was cut off has a label, which the first start takes away.
    """
    if checkpoint == diverged.checkpoint or (directory / "backup_label").exists():
        return
    raise TargetRefused(
        f"{directory} is not as it was when it was listed what only it has",
        f"its last checkpoint is at {checkpoint}, then it was at {diverged.checkpoint}: a server has run in it since",
        "Nothing was changed. dr failback --anew lists and copies it once more.",
    )


def _restored_anew(system: System, left: Site, in_charge: Site, directory: Path, diverged: Diverged, run: str) -> str:
    """A base backup of the server in charge, through the stores, in place of the old directory.

    It is made ready beside it, so that a run that is cut off leaves the old directory or the new one, never a mixture.
    """
    making = directory.with_name(f"{directory.name}_making")
    shutil.rmtree(making, ignore_errors=True)
    shutil.rmtree(making.with_name(f"{making.name}_tablespaces"), ignore_errors=True)
    published = back_up_at(system, in_charge, run)
    restore_cluster(system, find_backup(system, str(published.label), Kind.BASE), making)
    take_own_files(directory, making)
    if directory.exists():
        aside = set_aside(directory)
        directory.rename(aside)
        making.rename(directory)
        if diverged.copy or not (aside / "PG_VERSION").exists():
            shutil.rmtree(aside)  # what it had is in its copy; pg_rewind may have torn this one
    else:
        making.rename(directory)
    return str(published.label)


def start_replica(system: System, left: Site) -> str:
    """Start the rebuilt server by its service, and see that it is a standby."""
    name = left.require_service("it has to be started")
    running = service(system, name)
    running.start(START_SECONDS)
    role = _answer(left, name)
    if not role.standby:
        running.stop(START_SECONDS)
        raise TargetRefused(
            f"{left.name} came up in charge, on timeline {role.timeline}: it was stopped again",
            hint=f"Another data directory than {left.directory} is behind that address, or it was changed meanwhile.",
        )
    return f"{left.name} follows on timeline {role.timeline}"


def _answer(left: Site, name: str) -> ServerRole:
    """What it says of itself, as soon as it says anything."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return role_of(left)
        except DrError as error:
            if time.monotonic() > deadline:
                raise StepTimedOut(
                    f"{left.name} does not answer {START_SECONDS:.0f} s after its start",
                    f"{error.message} {error.detail}",
                    f"Look into its log and at the service {name}.",
                ) from error
            time.sleep(_PAUSE_SECONDS)


def catch_up(system: System, left: Site, in_charge: Site) -> Lsn:
    """Wait until the replica streams and is within a megabyte of its primary; where it is."""
    seconds = 60 * system.procedures.region.catch_up_minutes
    deadline = time.monotonic() + seconds
    while True:
        ahead, behind = role_of(in_charge), role_of(left)
        if not behind.standby or ahead.standby:
            raise TargetRefused(
                f"{left.name} is no replica of {in_charge.name} any more", hint="Look at both: dr failback --dry-run."
            )
        if behind.streaming and ahead.end - (behind.replayed or Lsn(0)) < _NEAR_BYTES:
            return behind.end
        if time.monotonic() > deadline:
            raise StepTimedOut(
                f"{left.name} has not caught up within {seconds / 60:.0f} minutes",
                f"it has replayed {behind.replayed} of {ahead.end}"
                + ("" if behind.streaming else "; it does not stream: look into its log"),
                "Run this again, it goes on waiting; or give it longer (region.catch_up_minutes).",
            )
        time.sleep(_PAUSE_SECONDS)
