"""How much was lost: the last commit before the disaster against the last one in the restored copy (RPO)."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from dr.catalog.canary import Beat
from dr.configuration.model import System
from dr.evidence.findings import Loss

SILENCE = timedelta(seconds=60)
LONG_SILENCE = timedelta(hours=1)
"""Longer than a recovery takes: either the disaster was long ago, or the canary had died before it."""


def note_position(system: System, beat: Beat) -> None:
    """Keep the last acknowledged canary row outside the database, where a disaster does not take it along."""
    file = _file(system)
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_bytes(msgspec.json.encode(beat))
    temporary.replace(file)


def last_position(system: System) -> Beat | None:
    """The last canary row known to have been committed, as this host remembers it."""
    try:
        beat = msgspec.json.decode(_file(system).read_bytes(), type=Beat)
    except (OSError, msgspec.DecodeError):
        return None
    return beat if beat.committed_at.tzinfo is not None else None


def _file(system: System) -> Path:
    return system.state_directory / "canary" / f"{system.name}.json"


def _was_beating(before: Beat, disaster_at: datetime | None) -> bool:
    """A canary that had died long before the disaster does not know what was committed in between."""
    return disaster_at is None or disaster_at - before.committed_at <= SILENCE


def measure_loss(
    system: System, restored: Beat | None, disaster_at: datetime | None, *, begun: datetime | None = None
) -> Loss:
    """Compare the two canaries; without the outer one, only an upper bound up to the disaster (or now) is known.

    ``begun`` is when the recovery was, and stands in for a time of the disaster that nobody knows: a canary that was
    silent by then may have died long before.
    """
    return loss_between(last_position(system), restored, disaster_at, begun=begun)


def loss_between(
    before: Beat | None, restored: Beat | None, disaster_at: datetime | None, *, begun: datetime | None = None
) -> Loss:
    """The same where ``before`` was read earlier: once the copy is in service, its own canary goes on."""
    if restored is None:
        return Loss(None, False, "the restored database has no canary row: run 'dr canary' on the production system")
    if before is not None and before.seq >= restored.seq and _was_beating(before, disaster_at or begun):
        seconds = (before.committed_at - restored.committed_at).total_seconds()
        explanation = f"canary {before.seq} was committed last, {restored.seq} was restored"
        silent = datetime.now(UTC) - before.committed_at
        if disaster_at is None and begun is None and silent > LONG_SILENCE:
            explanation += (
                f"; it has been silent for {silent.total_seconds() / 3600:.0f} h: if the database went on after it,"
                " more is lost (give the time of the disaster, --disaster-at)"
            )
        return Loss(max(seconds, 0.0), True, explanation, restored, before)
    until = disaster_at or datetime.now(UTC)
    seconds = (until - restored.committed_at).total_seconds()
    return Loss(
        max(seconds, 0.0),
        False,
        f"at most: this host does not know the last canary; {restored.seq} was restored, "
        f"counted until {until:%H:%M:%S} UTC",
        restored,
    )
