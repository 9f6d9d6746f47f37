"""The record of one drill: what was restored, how far it came, how long it took, and how to do the very same again.

Kept in every store, by itself: the history of drills is read without any other evidence. Times are UTC, durations
seconds, sizes bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from dr.errors import BackupInvalid

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class DrillPhase:
    """One phase and its time at work; phases that stream overlap."""

    name: str
    seconds: float
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class DrillProbe:
    """One question and its answer: ``passed``, ``FAILED`` or ``not proven``."""

    name: str
    answer: str
    level: str
    detail: str


@dataclass(frozen=True, slots=True)
class DrillRecord:
    """One drill.

    ``procedure`` is the flow that it was part of. ``asked`` says the target in words, ``target_time``, ``target_lsn``
    and ``timeline`` exactly; ``reached`` is PostgreSQL's word on it. Of a red verdict ``level`` is the first that was
    not reached, else the highest that was. ``stored_bytes`` is what had to be fetched, ``database_bytes`` what came
    of it. ``notes`` name copies that were passed over. ``repeat`` is the command line that restores the same again.
    """

    run: str
    system: str
    procedure: str
    scenario: str
    method: str
    seed: int | None
    label: str
    asked: str
    store: str
    begin: datetime
    end: datetime
    seconds: float
    rto_target: float
    verdict: str
    level: str
    kind: str = ""
    target_time: str | None = None
    target_lsn: str | None = None
    timeline: str | None = None
    reached: str = ""
    server_version: int = 0
    rto_seconds: float | None = None
    rpo_seconds: float | None = None
    rpo_target: float | None = None
    phases: tuple[DrillPhase, ...] = ()
    probes: tuple[DrillProbe, ...] = ()
    reasons: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    database_bytes: int = 0
    stored_bytes: int = 0
    tools: Mapping[str, str] = field(default_factory=dict)
    host: str = ""
    repeat: tuple[str, ...] = ()
    format_version: int = FORMAT_VERSION

    @property
    def met(self) -> bool:
        """Whether RTO and RPO were measured and within their targets; an RPO without a target is not judged."""
        rto = self.rto_seconds is not None and self.rto_seconds <= self.rto_target
        if self.rpo_target is None:
            return rto
        return rto and self.rpo_seconds is not None and self.rpo_seconds <= self.rpo_target


_decoder = msgspec.json.Decoder(DrillRecord)


def to_json(record: DrillRecord) -> bytes:
    """As it is stored."""
    return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"


def from_json(data: bytes, origin: str) -> DrillRecord:
    """Parse a stored record; ``origin`` names it in errors. Raises ``BackupInvalid``."""
    try:
        record = _decoder.decode(data)
        if record.format_version != FORMAT_VERSION:
            raise ValueError(f"format {record.format_version}, this program reads format {FORMAT_VERSION}")
        if record.begin.tzinfo is None or record.end.tzinfo is None:
            raise ValueError("a time has no zone")
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError, RecursionError) as error:
        raise BackupInvalid(
            f"{origin} is not the record of a drill",
            detail=str(error),
            hint="Remove it; the drill's run is also among the evidence.",
        ) from error
    return record
