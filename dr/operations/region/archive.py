"""Before a promotion: give the replica the WAL that was shipped to the stores and never reached it.

A replica streams, and is as far as its line was when the region went. The receiver ships by another way and may be
further. What lies in a store was acknowledged by a server that is gone: to promote without it would lose it.
"""

from __future__ import annotations

import logging
import shlex
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

from dr.catalog.lsn import Lsn
from dr.catalog.timelines import path_to
from dr.configuration.model import System
from dr.crypto.gnupg import opened
from dr.errors import RecoveryFailed, TargetRefused
from dr.operations.region.here import installation_of
from dr.operations.region.sites import Site, role_of
from dr.operations.repositories import open_repository
from dr.operations.wal.fetch import PieceFetcher
from dr.operations.wal.hurry import hurry
from dr.operations.wal.read_index import WalIndex, read_index
from dr.policy.wal_coverage import Span
from dr.postgres.account import make_directory
from dr.postgres.following import other_settings, put_back_settings
from dr.postgres.installations import Installation
from dr.postgres.standby import ServerRole, reload_settings, resume_replay
from dr.postgres.waldump import has_record_from

logger = logging.getLogger(__name__)

_STALLED_SECONDS = 3.0
PATIENCE_SECONDS = 120.0
"""How long one record may take where more are there."""
_PAUSE_SECONDS = 0.2
_RETRY = "200ms"
_SETTINGS = "settings.before"


@dataclass(frozen=True, slots=True)
class Replayed:
    """``before`` is what the replica had, ``stored`` how far the stores go, ``after`` what it has now."""

    before: Lsn
    stored: Lsn | None
    after: Lsn
    segments: int = 0
    note: str = ""

    @property
    def gained_bytes(self) -> int:
        return self.after - self.before

    def since(self, fenced: Lsn | None) -> Replayed:
        """Counted from where the replica was when the leader was fenced.

        An attempt that was cut off may have replayed something and not have lived to tell.
        """
        if fenced is None or fenced >= self.before:
            return self
        return replace(self, before=fenced, note=self.note if self.stored is not None else "by an earlier attempt")

    def behind(self, earlier: Replayed | None) -> Replayed:
        """Together with what an attempt that was cut off had replayed."""
        if earlier is None:
            return self
        return replace(
            self,
            before=earlier.before,
            stored=earlier.stored if self.stored is None else self.stored,
            segments=earlier.segments + self.segments,
            note=earlier.note if self.stored is None else self.note,
        )


def replay_archive(system: System, successor: Site, *, without: bool) -> Replayed:
    """Replay what the stores have beyond the replica. ``without``: only say what there is.

    Raises ``TargetRefused`` where there is something and the replica's data directory is not on this host, and
    ``RecoveryFailed`` when the replica does not take it: what was fetched is kept then.
    """
    hurry(system)
    role = role_of(successor)
    if not role.standby:
        return Replayed(role.end, None, role.end, note="it is in charge already")
    spool = _spool_of(successor)
    if (
        spool is not None
        and successor.directory is not None
        and put_back_settings(successor.directory, spool / _SETTINGS)
    ):
        reload_settings(successor.url)  # an attempt that was cut off could not
    index = read_index(system)
    span = beyond(index, role)
    if span is None:
        if spool is not None:
            shutil.rmtree(spool, ignore_errors=True)
        return Replayed(role.end, None, role.end, note="the stores have nothing that the replica lacks")
    if without:
        note = f"{span.end - role.end} bytes of WAL in the stores were left out (--without-archive): they are lost"
        return Replayed(role.end, span.end, role.end, note=note)
    if successor.directory is None or spool is None:
        raise TargetRefused(
            f"the stores have {span.end - role.end} bytes of WAL that {successor.name} lacks",
            f"the replica has it up to {role.end}, the stores up to {span.end}; it can only be given them on its host",
            f"Run this on that host with region.{successor.side}_directory set, or lose them: --without-archive.",
        )
    with opened(system.encryption) as cipher:
        account = make_directory(spool, successor.directory)
        fetcher = PieceFetcher(
            open_repository(system).stores, cipher, spool, index.holdings.geometry.segment_bytes, account
        )
        pieces, warnings = index.with_copies(span.pieces)
        for piece in pieces:
            fetcher.fetch(piece)
    installation = installation_of(system, successor.directory)
    after = feed(successor, successor.directory, spool, span.end, installation)
    shutil.rmtree(spool, ignore_errors=True)
    notes = "; ".join((*warnings, *fetcher.notes))
    return Replayed(role.end, span.end, after, len(pieces), notes)


def _spool_of(successor: Site) -> Path | None:
    """Where its WAL from the stores lies meanwhile, in the clear; None where its data directory is not on this host."""
    directory = successor.directory
    return None if directory is None else directory.with_name(f"{directory.name}_archive")


def beyond(index: WalIndex, role: ServerRole) -> Span | None:
    """The WAL that the stores have, without a hole, behind what the replica has; None where that is nothing."""
    try:
        path = path_to(role.timeline, index.ancestors)
    except KeyError:  # no store knows how its timeline came about, so none has its WAL
        return None
    span = index.holdings.span(path, role.timeline, role.end)
    return span if span.pieces and span.end > role.end else None


def feed(
    successor: Site,
    directory: Path,
    spool: Path,
    until: Lsn,
    installation: Installation,
    patience: float = PATIENCE_SECONDS,
) -> Lsn:
    """Have the running replica take its WAL from ``spool``; how far it came. Its settings are as before then."""
    file = f"{shlex.quote(str(spool)).replace('%', '%%')}/%f"
    wanted = {
        "restore_command": f"test -f {file} && cp {file} %p",
        "wal_retrieve_retry_interval": _RETRY,
        # Its primary is fenced. An attempt to reach it again can take minutes in which nothing is replayed.
        "primary_conninfo": "",
        # Neither somebody's query nor a delay that was wanted in normal times holds it up now.
        "max_standby_archive_delay": "0",
        "max_standby_streaming_delay": "0",
        "recovery_min_apply_delay": "0",
    }
    try:
        with other_settings(directory, spool / _SETTINGS, wanted):
            reload_settings(successor.url)
            resume_replay(successor.url)
            end = _followed(successor, spool, until, installation, patience)
    finally:
        reload_settings(successor.url)
    if end < until:
        logger.warning(
            "the replica has replayed up to %s of %s: the last record in the stores is not whole", end, until
        )
    return role_of(successor).end


def _followed(successor: Site, spool: Path, until: Lsn, installation: Installation, patience: float) -> Lsn:
    """Wait until the replica has replayed all whole records of ``spool``; how far it came."""
    end, moved = Lsn(0), time.monotonic()
    while end < until:
        role, quiet = role_of(successor), time.monotonic() - moved
        if (role.replayed or Lsn(0)) > end:
            end, moved = role.replayed or end, time.monotonic()
        elif quiet > _STALLED_SECONDS and not has_record_from(installation, spool, role.timeline, end):
            break
        elif quiet > patience:
            raise RecoveryFailed(
                f"{successor.name} does not replay WAL that the stores have",
                f"it is at {end} of {until} and has not moved for {quiet:.0f} s; nothing was promoted, and what was "
                f"fetched is in {spool}",
                "Look into its log, and run this again: it goes on. Or lose that WAL: --without-archive.",
            )
        time.sleep(_PAUSE_SECONDS)
    return end
