"""Bringing a part's backup onto this host: into a directory of the run's own, from the first store that is whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dr.catalog.labels import Kind
from dr.configuration.model import System
from dr.operations.component.restore import find_component, restore_component
from dr.operations.full_recovery.own import claim, taking_space, whole
from dr.operations.full_recovery.places import room
from dr.policy.full_plan import PlannedPart


@dataclass(frozen=True, slots=True)
class RestoredPart:
    """What lies in ``directory``: how many things, how many plain bytes, from which store."""

    name: str
    kind: Kind
    label: str
    directory: str
    store: str
    count: int
    bytes: int
    notes: tuple[str, ...]


def restore_part(system: System, part: PlannedPart, run: str) -> RestoredPart:
    """What a killed run left half-made is cleared first."""
    directory = room(system, run) / part.label
    with taking_space(directory):
        directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        claim(directory, run, room=True)
        restored = restore_component(system, find_component(system, part.label), directory)
        whole(directory, run, room=True)
    laid = restored.laid
    return RestoredPart(
        part.name,
        part.kind,
        part.label,
        str(directory),
        restored.store,
        laid.count,
        laid.bytes,
        (*restored.notes, *laid.notes),
    )


def directory_of(restored: RestoredPart) -> Path:
    """Where it lies."""
    return Path(restored.directory)
