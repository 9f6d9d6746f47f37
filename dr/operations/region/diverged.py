"""What only the server has that was left behind: its transactions behind the fork, listed and copied aside."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dr.catalog.lsn import Lsn
from dr.catalog.timelines import parse_history
from dr.configuration.model import System
from dr.errors import BackupInvalid, IdentityMismatch, TargetRefused
from dr.operations.check_source import bin_directories
from dr.operations.region.sites import Site, replication_url, role_of
from dr.postgres.control_data import control_data
from dr.postgres.following import commits_behind, server_of
from dr.postgres.installations import Installation, server_for
from dr.postgres.own_files import keep_copy
from dr.postgres.slots import timeline_history
from dr.postgres.standby import ServerRole, major_of

logger = logging.getLogger(__name__)

SHOWN = 20


@dataclass(frozen=True, slots=True)
class LostCommit:
    """A transaction that was acknowledged by a server that nobody follows any more."""

    xid: int
    lsn: Lsn
    at: datetime


@dataclass(frozen=True, slots=True)
class Diverged:
    """What the old server has that the new one lacks. ``commits`` in all; ``first`` and ``last`` by its own clock.

    ``shown`` are the first of them; ``copy`` is where its directory lies as it was: empty for nothing of its own.
    """

    timeline: int
    switch: Lsn
    commits: int = 0
    first: datetime | None = None
    last: datetime | None = None
    shown: tuple[LostCommit, ...] = ()
    copy: str = ""
    note: str = ""

    def __str__(self) -> str:
        if self.note:
            return self.note
        if not self.commits or self.first is None or self.last is None:
            return f"the old server has no commit behind {self.switch} on timeline {self.timeline}"
        return (
            f"{self.commits} transactions behind {self.switch} on timeline {self.timeline}, committed from "
            f"{self.first:%Y-%m-%d %H:%M:%S.%f} to {self.last:%Y-%m-%d %H:%M:%S.%f} UTC, are only in {self.copy}"
        )


def list_diverged(system: System, left: Site, in_charge: Site) -> Diverged:
    """What only the left server has; its directory is copied aside where that is anything. It must not run."""
    directory = left.require_directory("what it has of its own is read from there")
    if not (directory / "PG_VERSION").exists():
        return Diverged(
            0, Lsn(0), note=f"{directory} holds no cluster: nothing of the old server's is there to be kept"
        )
    require_stopped(directory)
    installation, role = installation_of(system, directory), role_of(in_charge)
    require_same_cluster(directory, installation, role)
    url = replication_url(system, in_charge)
    history = parse_history(timeline_history(url, role.timeline)) if role.timeline > 1 else ()
    control = control_data(directory, installation)
    timeline = int(control["Latest checkpoint's TimeLineID"])
    switch = next((item.switch for item in history if item.timeline == timeline), None)
    if switch is None:
        return Diverged(timeline, role.end, note=f"the old server is on timeline {timeline}, which nobody has left")
    note = ""
    try:
        found = commits_behind(directory, installation, timeline, switch)
    except (BackupInvalid, OSError) as error:
        found, note = (), f"what the old server has behind {switch} cannot be read ({error}); its directory is kept"
    if not found and not note:
        return Diverged(timeline, switch)
    copy = keep_copy(directory, f"{timeline:08X}_{str(switch).replace('/', '-')}")
    logger.warning("%d transactions of the old server are in nobody else's data; its copy is %s", len(found), copy)
    times = [item.time for item in found]
    return Diverged(
        timeline,
        switch,
        len(found),
        min(times, default=None),
        max(times, default=None),
        tuple(LostCommit(item.xid, item.lsn, item.time) for item in found[:SHOWN]),
        str(copy),
        f"{note}: {copy}" if note else "",
    )


def installation_of(system: System, directory: Path) -> Installation:
    return server_for(major_of(directory), bin_directories(system))


def require_stopped(directory: Path) -> None:
    number = server_of(directory)
    if number:
        raise TargetRefused(
            f"a server runs in {directory} (process {number})",
            hint="Stop it, or begin anew (--anew), which fences it first.",
        )


def require_same_cluster(directory: Path, installation: Installation, role: ServerRole) -> None:
    own = control_data(directory, installation)["Database system identifier"]
    if own != role.system_identifier:
        raise IdentityMismatch(
            f"{directory} is of another cluster ({own}) than the server in charge ({role.system_identifier})",
            hint="Correct region.*_directory. Nothing was changed in it.",
        )
