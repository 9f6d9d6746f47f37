"""Bring what was drawn into its place: a data directory, or a new server of the same major with the dump in it."""

from __future__ import annotations

import logging
import time

from dr.catalog.manifest import Manifest
from dr.configuration.model import System
from dr.evidence.phases import Phase
from dr.operations.check_source import bin_directories
from dr.operations.drill.draw import Drawn, limited_to
from dr.operations.restore import Restored, restore
from dr.operations.restore_database import restore_database
from dr.operations.target import DatabaseTarget, DirectoryTarget
from dr.postgres.cluster import Recipe, create_cluster, running
from dr.postgres.installations import server_for

logger = logging.getLogger(__name__)


def lay_out(system: System, drawn: Drawn) -> Restored:
    """Restore it. The copy is not questioned yet, and of a dump the server has been stopped again."""
    limited = limited_to(system, drawn.request.stores)
    if drawn.chosen.point is not None:
        return restore(limited, drawn.chosen)
    return _load(limited, drawn)


def directory_of(drawn: Drawn) -> DirectoryTarget:
    """Where the copy lies."""
    target = drawn.chosen.target
    if not isinstance(target, DirectoryTarget):
        raise TypeError(f"a drill goes into a directory, not to {target}")
    return target


def _load(system: System, drawn: Drawn) -> Restored:
    manifest, directory = drawn.manifest, directory_of(drawn).directory
    installation = server_for(manifest.server_major, bin_directories(system))
    begin = time.monotonic()
    create_cluster(directory, installation)
    made = Phase("new server", begin, time.monotonic())
    with running(directory, installation, loading_recipe()) as server:
        name = database_name(manifest)
        target = DatabaseTarget(server.url_for(name), name, sandbox=True)
        loaded = restore_database(system, drawn.chosen.found, target)
    return Restored(str(directory), loaded.store, (made, *loaded.phases), loaded.notes)


def loading_recipe() -> Recipe:
    """A sealed server for a dump; nothing is lost when it crashes, so it need not wait for the disk."""
    return Recipe(settings={"fsync": "off", "allow_in_place_tablespaces": "on"}, sealed=True)


def database_name(manifest: Manifest) -> str:
    """The original's name, so that its settings come back too."""
    return manifest.database.name if manifest.database else "restored"
