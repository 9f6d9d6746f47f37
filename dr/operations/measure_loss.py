"""How much was lost: the last commit before the disaster against the last one in the restored copy (RPO)."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import msgspec

from dr.catalog.canary import Beat
from dr.configuration.model import System
from dr.evidence.findings import Loss
from dr.policy.loss import Certainty, Known, judge_loss


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


def measure_loss(
    system: System,
    restored: Beat | None,
    disaster_at: datetime | None,
    *,
    ended: datetime,
    committed: datetime | None = None,
) -> Loss:
    """Compare the copy with what this host remembers of the canary.

    ``ended``: nothing was lost that came later (the database was stopped, the recovery began); it counts where nobody
    says when it happened. ``committed`` is the last commit that the copy has.
    """
    return loss_between(last_position(system), restored, disaster_at, ended=ended, committed=committed)


def loss_between(
    before: Beat | None,
    restored: Beat | None,
    disaster_at: datetime | None,
    *,
    ended: datetime,
    committed: datetime | None = None,
    complete_until: datetime | None = None,
) -> Loss:
    """The same where ``before`` was read earlier: once the copy is in service, its own canary goes on.

    All that was committed by ``complete_until`` is in the copy.
    """
    known = Known(restored, ended, before, committed, complete_until, disaster_at)
    found = judge_loss(known)
    return Loss(found.seconds, found.certainty is Certainty.MEASURED, found.explanation, restored, before)
