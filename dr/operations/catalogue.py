"""Show what there is."""

from __future__ import annotations

from datetime import datetime

from dr.catalog.labels import Label
from dr.configuration.model import System
from dr.errors import BackupNotFound
from dr.operations.repositories import open_repository
from dr.policy.lacking_copies import Lack, Made, Room, lacking
from dr.storage.repository import Backup, Listing


def list_backups(system: System) -> Listing:
    """All backups of the system in all its stores, newest first."""
    return open_repository(system).list()


def lacking_copies(system: System, listing: Listing, now: datetime) -> dict[str, tuple[Lack, ...]]:
    """By label: the stores that answered and lack a copy that should be there. Nothing of what is whole."""
    rooms = [Room(item.name, item.kind == "local") for item in system.stores if item.name not in listing.failures]
    found = {}
    for backup in listing.backups:
        manifest = backup.manifest
        made = Made(manifest.kind, manifest.retention_class, manifest.end, manifest.stores, backup.stores)
        if lacks := lacking(made, rooms, system.retention, system.retention.local_days, now):
            found[manifest.label] = lacks
    return found


def show_backup(system: System, text: str) -> Backup:
    """One backup by label or path."""
    try:
        label = Label.from_path(text)
    except ValueError:
        raise BackupNotFound(f"{text!r} is not a label", hint="dr list shows the labels.") from None
    return open_repository(system).find(label)
