"""Show what there is."""

from __future__ import annotations

from dr.catalog.labels import Label
from dr.configuration.model import System
from dr.errors import BackupNotFound
from dr.operations.repositories import open_repository
from dr.storage.repository import Backup, Listing


def list_backups(system: System) -> Listing:
    """All backups of the system in all its stores, newest first."""
    return open_repository(system).list()


def show_backup(system: System, text: str) -> Backup:
    """One backup by label or path."""
    try:
        label = Label.from_path(text)
    except ValueError:
        raise BackupNotFound(f"{text!r} is not a label", hint="dr list shows the labels.") from None
    return open_repository(system).find(label)
