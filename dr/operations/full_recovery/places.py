"""Where a full recovery works and where the product's own things lie on this host."""

from __future__ import annotations

from pathlib import Path

from dr.catalog.manifest import ComponentContents, Manifest
from dr.configuration.model import System

PROCEDURE = "full-recovery"
EXERCISE = "full-recovery-exercise"


def workplace(system: System) -> Path:
    """Where recoveries work: copies on trial, and what is left for people."""
    return (system.procedures.recovery.directory or system.state_directory / "recovery").absolute()


def room(system: System, run: str) -> Path:
    """What one run has for itself; ``run`` is its journal's name."""
    return workplace(system) / run


def journals(system: System) -> Path:
    """Where this host keeps what procedures have done."""
    return system.state_directory / "procedures" / system.name


def data_directory(system: System) -> Path:
    """PostgreSQL's data directory: production's own, or one that is not there yet."""
    return (system.procedures.recovery.data_directory or workplace(system) / f"{PROCEDURE}-data").absolute()


def belonging_to(directory: Path) -> tuple[Path, ...]:
    """Where the restore puts tablespaces, and meanwhile the parts of a chain of backups."""
    return tuple(directory.with_name(f"{directory.name}_{what}") for what in ("tablespaces", "chain"))


def upload_places(manifest: Manifest) -> tuple[Path, ...]:
    """Where the directories of a backup of uploads were, and come back to."""
    contents = manifest.component or ComponentContents(manifest.begin)
    return tuple(Path(item.detail) for item in contents.items if item.detail.startswith("/"))
