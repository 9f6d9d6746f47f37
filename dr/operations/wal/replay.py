"""Run the server of a restored directory through its recovery: to the target, with the WAL that was planned."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dr.catalog.manifest import Manifest
from dr.configuration.model import System
from dr.errors import RecoveryFailed
from dr.evidence.findings import Check
from dr.operations.check_source import bin_directories
from dr.operations.wal.prefetch import Prefetch, make_spool, prefetching, remove_spool, spool_of
from dr.policy.recovery_point import RecoveryPoint
from dr.policy.recovery_target import RecoveryTarget, TargetKind
from dr.postgres.cluster import Recipe, Server, running
from dr.postgres.control_data import needed_to_recover
from dr.postgres.data_directory import offer_history
from dr.postgres.installations import Installation, server_for
from dr.postgres.recovery_log import ENDED_EARLY, Reached, parse_reached
from dr.postgres.recovery_settings import replay_settings

logger = logging.getLogger(__name__)

DEADLINE_SECONDS = 12 * 3600
"""A long replay is no hang: the server's own end, or the fetching's, shows sooner that something is wrong."""
_TO_THE_END = RecoveryTarget()


@dataclass(slots=True)
class Replayed:
    """A server that has recovered and taken up writing. ``segments`` is how many it was given."""

    server: Server
    reached: Reached
    segments: int = 0
    notes: tuple[str, ...] = field(default=())

    def check(self, point: RecoveryPoint | None) -> Check | None:
        """Whether all of the planned WAL was replayed, where the target is its end."""
        if point is None or point.target.kind is not TargetKind.LATEST or not point.pieces:
            return None
        wanted = point.pieces[-1].name
        return Check("replayed", self.reached.last_file[8:] >= wanted[8:], f"{self.reached}; last WAL planned {wanted}")


@contextmanager
def replayed(
    system: System,
    manifest: Manifest,
    directory: Path,
    point: RecoveryPoint | None = None,
    *,
    sealed: bool = False,
) -> Iterator[Replayed]:
    """The restored directory's server, recovered to the point (by default to the end of the WAL it carries).

    Fetches what is not yet in the spool, and removes the spool when the server has been stopped. ``sealed``: nothing
    gets out of it.
    """
    installation = server_for(manifest.server_major, bin_directories(system))
    with ExitStack() as stack:
        prefetch: Prefetch | None = None
        if point is not None:
            if not spool_of(directory).exists():
                make_spool(directory, point)
            stack.callback(remove_spool, directory)
            prefetch = stack.enter_context(prefetching(system, point, directory))
        site = _Site(directory, installation, manifest, point, sealed)
        server = _recovered(stack, site, prefetch)
        offer_history(directory)
        reached = parse_reached(server.process.stderr_so_far())
        logger.info("recovery of %s: %s", directory, reached)
        notes = prefetch.notes if prefetch else ()
        yield Replayed(server, reached, prefetch.fetched if prefetch else 0, notes)


@dataclass(frozen=True, slots=True)
class _Site:
    """What is recovered, and how its server is run."""

    directory: Path
    installation: Installation
    manifest: Manifest
    point: RecoveryPoint | None
    sealed: bool

    def server(self, target: RecoveryTarget) -> AbstractContextManager[Server]:
        spool = spool_of(self.directory) if self.point else None
        settings = {
            **needed_to_recover(self.directory, self.installation),
            **replay_settings(target, self.point.timeline if self.point else None, spool),
        }
        recipe = Recipe(settings, self.manifest.superuser, DEADLINE_SECONDS, sealed=self.sealed)
        return running(self.directory, self.installation, recipe)


def _recovered(stack: ExitStack, site: _Site, prefetch: Prefetch | None) -> Server:
    target = site.point.target if site.point else _TO_THE_END
    try:
        return stack.enter_context(site.server(target))
    except RecoveryFailed as error:
        if prefetch is not None:
            prefetch.require()
        if ENDED_EARLY not in error.detail or target.kind not in (TargetKind.TIME, TargetKind.LSN):
            raise
    # The plan has seen that all WAL up to the target is there. That no record lies behind it only means that nothing
    # was committed after it: the end of that WAL is the target.
    logger.info("nothing was written after %s: the end of the WAL is the target", target)
    return stack.enter_context(site.server(_TO_THE_END))
