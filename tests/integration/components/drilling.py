"""Drilling a shelf's components step by step, as the flow does, and spoiling what is stored of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dr.catalog import labels
from dr.catalog.drills import DrillRecord
from dr.catalog.labels import Kind
from dr.catalog.manifest import Level, Manifest
from dr.configuration.components.code import CodeSettings
from dr.configuration.model import System
from dr.errors import DrError
from dr.operations.component.drill.conclude import ComponentProgress, conclude
from dr.operations.component.drill.draw import draw_component
from dr.operations.component.drill.lay_out import lay_out_component
from dr.operations.component.drill.question import question_component
from dr.operations.drill import place
from dr.operations.drill.draw import limited_to
from dr.operations.drill.faults import diagnose_copies, fault
from dr.policy.component_draw import ComponentRequest
from tests.integration.components.gits import new_repository
from tests.integration.components.shelf import Shelf


def with_code(shelf: Shelf, directory: Path) -> Shelf:
    """The same of a system that has a small git repository in ``directory``."""
    repository = new_repository(directory / "shop")
    return shelf.with_components(code=CodeSettings(repositories=(repository,)))


def drill(system: System, request: ComponentRequest) -> DrillRecord:
    """One drill; its copy is removed."""
    progress = ComponentProgress()
    try:
        with progress.stopwatch.phase("choose"):
            progress.drawn = draw_component(system, request)
        with progress.stopwatch.phase("restore"):
            progress.restored = lay_out_component(system, progress.drawn)
        progress.answered = question_component(system, progress.drawn)
    except DrError as error:
        if progress.drawn is None:
            progress.faults = (fault("choose", error, Level.STORED),)
        elif progress.restored is None:
            limited = limited_to(system, request.stores)
            progress.faults = diagnose_copies(limited, (progress.drawn.found,), "restore", error, Level.RESTORED)
        else:
            progress.faults = (fault("question", error, Level.QUERIED),)
    record = conclude(system, request, progress, run="test", procedure="test")
    if progress.copy is not None:
        place.remove(progress.copy)
    return record


def rewrite(shelf: Shelf, manifest: Manifest, change: Callable[[dict[str, Any]], None]) -> None:
    """Change every store's manifest of a backup."""
    for store in shelf.system.stores:
        assert store.path is not None
        file = store.path / labels.manifest_key(shelf.system.name, manifest.parsed_label)
        document = json.loads(file.read_text())
        change(document)
        file.write_text(json.dumps(document))


def spoil(shelf: Shelf, kind: Kind, how: Callable[[Path], object], *stores: str) -> None:
    """Do something to the largest object of the kind in these stores, or in all."""
    for name in stores or ("local", "second"):
        how(max(shelf.files(name, kind), key=lambda file: file.stat().st_size))


def flip(file: Path) -> None:
    """One bit in the middle."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def cut(file: Path) -> None:
    """The second half is lost."""
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def aged(days: float) -> Callable[[dict[str, Any]], None]:
    """Let the manifest say that what it shows is so many days old."""

    def change(document: dict[str, Any]) -> None:
        document["component"]["taken"] = (datetime.now(UTC) - timedelta(days=days)).isoformat()

    return change
