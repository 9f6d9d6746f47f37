"""Of the record of a run what monitoring wants: which procedure, when, how it ended, which copies it made or missed.

The record itself is written by the runners (``tasks/run.py``) and kept as evidence; of it nothing is changed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from dr.catalog.labels import Kind
from dr.errors import BackupInvalid, LeaseHeld

COMPLETED = "completed"
REFUSED = LeaseHeld.__name__
BACKUPS, MISSED = "backups", "not-backed-up"
"""The tables of a record that say which copies a run made, and of which kinds something is missing."""


@dataclass(frozen=True, slots=True)
class Place:
    """A kind of backup in one store."""

    kind: str
    store: str


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run. ``within`` is the procedure that it was part of. ``outcome`` is completed, failed or interrupted.

    ``made`` are the copies that it published, ``missed`` those that it should have. ``scenario`` is that of a recovery.
    """

    run: str
    procedure: str
    begin: datetime
    end: datetime
    seconds: float
    outcome: str
    error: str = ""
    within: str = ""
    scenario: str = ""
    made: tuple[Place, ...] = ()
    missed: tuple[Place, ...] = ()

    @property
    def completed(self) -> bool:
        return self.outcome == COMPLETED

    @property
    def refused(self) -> bool:
        """It did not begin, because another of its kind was at work."""
        return self.error == REFUSED


Cell = str | int | float | bool | None


class _Artifact(msgspec.Struct):
    key: str
    rows: list[dict[str, Cell]] = []


class _Record(msgspec.Struct):
    id: str
    flow: str
    begin: datetime
    outcome: str
    parameters: dict[str, Cell | list[str]] = {}
    end: datetime | None = None
    seconds: float | None = None
    error_type: str = ""
    within: str = ""
    artifacts: list[_Artifact] = []
    configuration: list[tuple[str, str, str]] = []


_decoder = msgspec.json.Decoder(_Record)


def facts_of(data: bytes, origin: str) -> RunFacts:
    """Read a stored record; ``origin`` names it in errors. Raises ``BackupInvalid``."""
    try:
        record = _decoder.decode(data)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise BackupInvalid(
            f"{origin} is not the record of a run", str(error), "Another store may have it whole."
        ) from error
    made = tuple(
        Place(str(row["kind"]), store)
        for row in _rows(record, BACKUPS)
        for store in str(row.get("stores") or "").split(", ")
        if store and row.get("kind")
    )
    return RunFacts(
        run=record.id,
        procedure=record.flow,
        begin=record.begin,
        end=record.end or record.begin,
        seconds=record.seconds or 0.0,
        outcome=record.outcome,
        error=record.error_type,
        within=record.within,
        scenario=str(record.parameters.get("scenario") or ""),
        made=made,
        missed=() if record.outcome == COMPLETED or record.error_type == REFUSED else _missed(record, frozenset(made)),
    )


def _rows(record: _Record, key: str) -> list[dict[str, Cell]]:
    return [row for artifact in record.artifacts if artifact.key == key for row in artifact.rows]


def _missed(record: _Record, made: frozenset[Place]) -> tuple[Place, ...]:
    """Of every kind that was made in part or not at all, the stores that were asked for and have none of this run."""
    kinds = {str(row.get("kind")) for row in _rows(record, MISSED)} | {item.kind for item in made}
    if not any(artifact.key == BACKUPS for artifact in record.artifacts):
        kinds |= _asked(record)  # it ended before it could say what it lacks
    wanted = {Place(kind, store) for kind in kinds for store in _stores(record)}
    return tuple(sorted(wanted - made, key=lambda item: (item.kind, item.store)))


def _asked(record: _Record) -> set[str]:
    """What a run was to make at the least."""
    if record.flow == "daily-backup":
        asked = str(record.parameters.get("kind") or "all")
        physical = all(value != "false" for name, value, _ in record.configuration if name == "postgres.physical")
        return {str(Kind.DUMP), *([str(Kind.BASE)] if physical else [])} if asked == "all" else {asked}
    return {str(Kind.POINT)} if record.flow == "application-backup" else set()


def _stores(record: _Record) -> set[str]:
    """The stores of the system as the run saw them; only those of its host where it was told so."""
    keys = [name.split(".") for name, _, _ in record.configuration if name.startswith("stores.")]
    local = record.parameters.get("cloud") is False
    return {parts[1] for parts in keys if len(parts) == 3 and (not local or parts[2] == "path")}
