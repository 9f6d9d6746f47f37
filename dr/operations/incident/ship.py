"""Bring what this host keeps of its incidents into every store, as JSON and as the report people read.

A store that is away gets it the next time: what each has is noted beside the incident. The whole is written again each
time, so a store holds one state of an incident and never half of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from dr.catalog.labels import evidence_key
from dr.configuration.model import System
from dr.errors import DrError, StoreError
from dr.evidence import incident_log
from dr.evidence.incident import Incident
from dr.operations.incident.find import directory_of
from dr.operations.incident.report import report_anyway
from dr.operations.repositories import open_repository
from dr.operations.whole_file import write_whole
from dr.storage.protocol import Store

_NOTE = "shipped.json"


@dataclass(frozen=True, slots=True)
class Shipped:
    """Which stores have the first ``entries`` entries of an incident."""

    entries: int = 0
    stores: tuple[str, ...] = ()


def ship_incidents(system: System) -> dict[str, Shipped]:
    """Ship every incident that some store lacks something of; by id, which stores have it now. None makes it fail."""
    waiting = {
        incident.id: directory
        for directory in sorted(directory_of(system).glob("*/"))
        if (incident := _readable(directory)) is not None and not _is_everywhere(system, directory, incident)
    }
    if not waiting:
        return {}
    try:
        stores = open_repository(system).stores
    except DrError:
        return {incident: Shipped() for incident in waiting}
    return {incident: _ship(system, directory, stores) for incident, directory in waiting.items()}


def _ship(system: System, directory: Path, stores: Mapping[str, Store]) -> Shipped:
    with incident_log.alone(directory):  # an older state must not be written over a newer one
        incident = incident_log.read(directory)
        if incident is None:
            return Shipped()
        before = _noted(directory)
        has = set(before.stores) if before.entries == len(incident.entries) else set()
        key = evidence_key(system.name, f"incident_{incident.id}", incident.opened.at)
        document = msgspec.json.format(msgspec.json.encode({"id": incident.id, "entries": incident.entries}), indent=1)
        report = report_anyway(system, incident).encode()
        for name, store in stores.items():
            if name not in has and _put(store, key, document, report):
                has.add(name)
        note = Shipped(len(incident.entries), tuple(sorted(has)))
        _write(directory / _NOTE, note)
        return note


def _put(store: Store, key: str, document: bytes, report: bytes) -> bool:
    try:
        store.put_bytes(key.removesuffix(".json") + ".md", report)
        store.put_bytes(key, document)
    except StoreError:
        return False  # it stays on this host, and goes along the next time
    return True


def _write(file: Path, note: Shipped) -> None:
    try:
        write_whole(file, msgspec.json.encode(note))
    except OSError as error:
        raise incident_log.cannot_write(file.parent, error) from error


def _noted(directory: Path) -> Shipped:
    try:
        return msgspec.json.decode((directory / _NOTE).read_bytes(), type=Shipped)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return Shipped()


def _is_everywhere(system: System, directory: Path, incident: Incident) -> bool:
    noted = _noted(directory)
    return noted.entries == len(incident.entries) and {store.name for store in system.stores} <= set(noted.stores)


def _readable(directory: Path) -> Incident | None:
    try:
        return incident_log.read(directory)
    except DrError:
        return None  # find_incident says what is wrong with it
