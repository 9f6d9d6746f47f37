"""What only the server has that was left behind: its transactions behind the fork, listed and copied aside."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dr.catalog.lsn import Lsn
from dr.catalog.timelines import parse_history
from dr.catalog.wal_index import Ancestor
from dr.configuration.model import System
from dr.errors import BackupInvalid, IdentityMismatch, NotFenced, TargetRefused
from dr.operations.region.here import installation_of
from dr.operations.region.sites import Site, replication_url, role_of
from dr.postgres.control_data import control_data
from dr.postgres.following import commits_behind, last_checkpoint, server_of
from dr.postgres.installations import Installation
from dr.postgres.own_files import keep_copy
from dr.postgres.slots import timeline_history
from dr.postgres.standby import ServerRole

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
    ``checkpoint`` is the directory's last one when all that was found: with another one it has lived on since.
    """

    timeline: int
    switch: Lsn
    commits: int = 0
    first: datetime | None = None
    last: datetime | None = None
    shown: tuple[LostCommit, ...] = ()
    copy: str = ""
    note: str = ""
    checkpoint: Lsn | None = None

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
    """What only the left server has; its directory is copied aside where that is anything. It must not run.

    Raises ``NotFenced`` where it is not the one that was left behind, and then nothing is changed.
    """
    directory = left.require_directory("what it has of its own is read from there")
    if not (directory / "PG_VERSION").exists():
        return Diverged(
            0, Lsn(0), note=f"{directory} holds no cluster: nothing of the old server's is there to be kept"
        )
    require_stopped(directory)
    installation, role = installation_of(system, directory), role_of(in_charge)
    require_same_cluster(directory, installation, role)
    timeline, switch = fork_of(system, left, in_charge)
    checkpoint = last_checkpoint(directory, installation)
    if switch is None:
        note = f"the old server is on timeline {timeline}, which nobody has left"
        return Diverged(timeline, role.end, note=note, checkpoint=checkpoint)
    note = ""
    try:
        found = commits_behind(directory, installation, timeline, switch)
    except (BackupInvalid, OSError) as error:
        found, note = (), f"what the old server has behind {switch} cannot be read ({error}); its directory is kept"
    if not found and not note:
        return Diverged(timeline, switch, checkpoint=checkpoint)
    # Another checkpoint, another copy: what the directory has taken in since is not in an earlier one.
    copy = keep_copy(directory, f"{timeline:08X}_{switch}_{checkpoint}".replace("/", "-"))
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
        checkpoint,
    )


def fork_of(system: System, left: Site, in_charge: Site) -> tuple[int, Lsn | None]:
    """The timeline of the left server's directory, and where the server in charge has left that; None: it has not.

    Raises ``NotFenced`` when the directory is further than the server in charge, or has gone a way of its own: then
    that one would be rewound that has the newer data.
    """
    directory = left.require_directory("what it has of its own is read from there")
    control = control_data(directory, installation_of(system, directory))
    timeline, checkpoint = (
        int(control["Latest checkpoint's TimeLineID"]),
        Lsn.parse(control["Latest checkpoint location"]),
    )
    role = role_of(in_charge)
    url = replication_url(system, in_charge)
    history = parse_history(timeline_history(url, role.timeline)) if role.timeline > 1 else ()
    own, newest = _own_history(directory, role.timeline)
    switch = next((item.switch for item in history if item.timeline == timeline), None)
    trouble = ""
    if newest > role.timeline:
        trouble = f"it has a history of timeline {newest}"
    elif switch is None and timeline != role.timeline:
        trouble = f"it is on timeline {timeline}, from which no way leads to that"
    elif timeline == role.timeline and own and own != history:
        trouble = f"its timeline {timeline} has begun at another place"
    elif switch is None and checkpoint > role.end:
        trouble = f"its last checkpoint is at {checkpoint} on the same timeline"
    if trouble:
        raise NotFenced(
            f"{directory} is not what was left behind when {in_charge.name} took over",
            f"{in_charge.name} is on timeline {role.timeline}, at {role.end}; of {left.name}: {trouble}",
            "Nothing was changed. Let a person decide which of the two has the right data.",
        )
    return timeline, switch


def _own_history(directory: Path, timeline: int) -> tuple[tuple[Ancestor, ...], int]:
    """What a directory knows of how a timeline came about, and the newest timeline that it knows of."""
    files = {int(file.stem, 16): file for file in (directory / "pg_wal").glob("*.history")}
    try:
        own = parse_history(files[timeline].read_text(encoding="utf-8")) if timeline in files else ()
    except (OSError, ValueError):
        own = ()  # pg_rewind will not take it either
    return own, max(files, default=1)


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
