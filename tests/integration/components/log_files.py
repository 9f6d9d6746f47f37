"""Log files of days that are over, and what the backups of them hold."""

from __future__ import annotations

import dataclasses
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from dr.catalog.labels import Kind
from dr.catalog.manifest import Manifest
from dr.configuration.components.logs import LogsSettings
from dr.operations.repositories import open_repository
from dr.policy.log_days import OPEN
from tests.integration.components.shelf import Shelf

LINES = "10.0.0.7 GET /orders/4711 as somebody@example.org\n"


def day(ago: int) -> date:
    """A day that is over, or with 0 today."""
    return datetime.now(UTC).date() - timedelta(days=ago)


def put(path: Path, text: str, ago: int) -> Path:
    """A file that was last written to so many days ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    when = (datetime.now(UTC) - timedelta(days=ago)).timestamp()
    os.utime(path, (when, when))
    return path


def put_logs(place: Path) -> None:
    """Two days that are over and one that is not, of an application; one day of audit."""
    for ago in (3, 2):
        put(place / "app" / f"app-{day(ago)}.log", f"{ago} {LINES}", ago)
    put(place / "app" / "app.log", f"now {LINES}", 0)
    put(place / "audit" / f"audit.log.{day(1)}", f"granted {LINES}", 1)
    os.utime(place / "audit" / f"audit.log.{day(1)}", (1_700_000_000, 1_700_000_000))


def with_logs(shelf: Shelf, place: Path, **other: object) -> Shelf:
    """Both classes below one place."""
    settings = LogsSettings(application=(place / "app",), audit=(place / "audit",))
    return shelf.with_components(logs=dataclasses.replace(settings, **other))  # type: ignore[arg-type]


def manifests(shelf: Shelf, keep_as: str = "application-logs") -> list[Manifest]:
    """Of one class, oldest first."""
    found = [item.manifest for item in open_repository(shelf.system).list([Kind.LOGS]).backups]
    return [item for item in reversed(found) if item.retention_class == keep_as]


def days_in(manifest: Manifest) -> list[tuple[str, int]]:
    """Days that are over, with the files of each."""
    assert manifest.component is not None
    return [(item.name, item.count) for item in manifest.component.items if item.detail != OPEN]


def files_below(path: Path) -> dict[str, bytes]:
    """Names and contents, the index left out."""
    return {
        str(item.relative_to(path)): item.read_bytes()
        for item in path.rglob("*")
        if item.is_file() and item.name != "index.json"
    }
