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
from dr.operations.verify_recovery.asking import within
from dr.postgres.inspection import read_facts
from dr.postgres.questions import asking, where_it_is
from dr.postgres.slots import timeline_history
from dr.storage.wal_catalogue import WalCatalogue


@dataclass(frozen=True, slots=True)
class Line:
    """``sections`` is empty where the history of its timeline is not known: then nothing can be said of older ones.

    ``timeline`` None: the server is in recovery.
    """

    system_identifier: str
    sections: tuple[Section, ...]
    timeline: int | None = None

    @property
    def is_first(self) -> bool:
        """Whether no recovery of this cluster shows: the server is on the timeline that it was made with."""
        return self.timeline in (None, 1)

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

    def may_be_since(self, manifest: Manifest) -> bool:
        """Whether a backup may be of this server since its timeline began: it tells what came back, not what was there.

        A dump of a standby names no timeline; its place in the WAL tells as much.
        """
        if manifest.system_identifier != self.system_identifier:
            return False
        timeline, lsn = position(manifest)
        if timeline is not None and self.timeline is not None:
            return timeline == self.timeline
        return lsn is None or not self.sections or lsn > self.sections[-1].begin


def position(manifest: Manifest) -> tuple[int | None, Lsn | None]:
    """Where a backup's content lies in the WAL: a dump's snapshot, the end of a base backup."""
    if manifest.snapshot is not None:
        return manifest.snapshot.timeline, manifest.snapshot.lsn
    return manifest.timeline, manifest.end_lsn


def line_of(system: System, seconds: float) -> Line:
    """Ask the server. Raises ``SourceError`` when it does not answer, ``StepTimedOut`` when it hangs."""
    return within(seconds, lambda: _line(system, seconds))


def _line(system: System, seconds: float) -> Line:
    url = source_url(system)
    identifier = read_facts(url, seconds).system_identifier
    with asking(url, seconds) as connection:
        place = where_it_is(connection)
    if place.timeline is None:
        return Line(identifier, ())
    ancestors = _history(system, place.timeline)
    if ancestors is None:
        return Line(identifier, (), place.timeline)
    return Line(identifier, path_to(place.timeline, {place.timeline: ancestors}), place.timeline)


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
