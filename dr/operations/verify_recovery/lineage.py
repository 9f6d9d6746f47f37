"""The line of WAL that a server is on: which earlier positions are part of what it holds."""

from __future__ import annotations

from dataclasses import dataclass

from dr.catalog.lsn import Lsn
from dr.catalog.manifest import Manifest
from dr.catalog.timelines import Section, parse_history, path_to
from dr.catalog.wal_index import Ancestor
from dr.configuration.model import System
from dr.errors import DrError
from dr.operations.check_source import physical_url, source_url
from dr.operations.repositories import open_repository
from dr.postgres.inspection import read_facts
from dr.postgres.questions import asking, where_it_is
from dr.postgres.slots import timeline_history
from dr.storage.wal_catalogue import WalCatalogue

_ASK_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Line:
    """``sections`` is empty where the history of its timeline is not known: then nothing can be said."""

    system_identifier: str
    sections: tuple[Section, ...]

    def holds(self, manifest: Manifest) -> bool:
        """Whether all that a backup has is behind this server: the backup was taken before, on the same line.

        Of another cluster nothing is known but that somebody loaded a dump into it, so any dump may be that one.
        """
        if manifest.system_identifier != self.system_identifier or not self.sections:
            return True
        timeline, lsn = position(manifest)
        if lsn is None or timeline is None:
            return True
        section = next((item for item in self.sections if item.timeline == timeline), None)
        return section is not None and (section.end is None or lsn <= section.end)


def position(manifest: Manifest) -> tuple[int | None, Lsn | None]:
    """Where a backup's content lies in the WAL: a dump's snapshot, the end of a base backup."""
    if manifest.snapshot is not None:
        return manifest.snapshot.timeline, manifest.snapshot.lsn
    return manifest.timeline, manifest.end_lsn


def line_of(system: System) -> Line:
    """Ask the server. Raises ``SourceError`` when it does not answer."""
    url = source_url(system)
    identifier = read_facts(url).system_identifier
    with asking(url, _ASK_SECONDS) as connection:
        place = where_it_is(connection)
    if place.timeline is None:
        return Line(identifier, ())
    ancestors = _history(system, place.timeline)
    if ancestors is None:
        return Line(identifier, ())
    return Line(identifier, path_to(place.timeline, {place.timeline: ancestors}))


def _history(system: System, timeline: int) -> tuple[Ancestor, ...] | None:
    """From the server, where the role may replicate; from a store's record otherwise."""
    if timeline == 1:
        return ()
    try:
        return parse_history(timeline_history(physical_url(system), timeline))
    except (DrError, ValueError):
        stores = open_repository(system).stores
        catalogue = WalCatalogue(system.name, stores.values())
    for name in stores:
        try:
            stored = catalogue.read_history(name, timeline)
        except DrError:
            continue  # it is one of several places to ask
        if stored is not None:
            return stored.ancestors
    return None
