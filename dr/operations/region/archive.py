"""Before a promotion: give the replica the WAL that was shipped to the stores and never reached it.

A replica streams, and is as far as its line was when the region went. The receiver ships by another way and may be
further. What lies in a store was acknowledged by a server that is gone: to promote without it would lose it.
"""

from __future__ import annotations

import logging
import shlex
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from dr.catalog.lsn import Lsn
from dr.catalog.timelines import path_to
from dr.configuration.model import System
from dr.crypto.gnupg import opened
from dr.errors import TargetRefused
from dr.operations.region.sites import Site, role_of
from dr.operations.repositories import open_repository
from dr.operations.wal.fetch import PieceFetcher
from dr.operations.wal.hurry import hurry
from dr.operations.wal.read_index import WalIndex, read_index
from dr.policy.wal_coverage import Span
from dr.postgres.account import make_directory
from dr.postgres.following import other_settings
from dr.postgres.standby import ServerRole, reload_settings

logger = logging.getLogger(__name__)

_STALLED_SECONDS = 3.0
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


def replay_archive(system: System, successor: Site, *, without: bool) -> Replayed:
    """Replay what the stores have beyond the replica. ``without``: only say what there is.

    Raises ``TargetRefused`` where there is something and the replica's data directory is not on this host.
    """
    hurry(system)
    role = role_of(successor)
    if not role.standby:
        return Replayed(role.end, None, role.end, note="it is in charge already")
    index = read_index(system)
    span = beyond(index, role)
    if span is None:
        return Replayed(role.end, None, role.end, note="the stores have nothing that the replica lacks")
    if without:
        note = f"{span.end - role.end} bytes of WAL in the stores were left out (--without-archive): they are lost"
        return Replayed(role.end, span.end, role.end, note=note)
    if successor.directory is None:
        raise TargetRefused(
            f"the stores have {span.end - role.end} bytes of WAL that {successor.name} lacks",
            f"the replica has it up to {role.end}, the stores up to {span.end}; it can only be given them on its host",
            f"Run this on that host with region.{successor.side}_directory set, or lose them: --without-archive.",
        )
    with opened(system.encryption) as cipher:
        spool = successor.directory.with_name(f"{successor.directory.name}_archive")
        account = make_directory(spool, successor.directory)
        fetcher = PieceFetcher(
            open_repository(system).stores, cipher, spool, index.holdings.geometry.segment_bytes, account
        )
        pieces, warnings = index.with_copies(span.pieces)
        for piece in pieces:
            fetcher.fetch(piece)
    after = _fed(successor, successor.directory, spool, span.end)
    shutil.rmtree(spool, ignore_errors=True)
    notes = "; ".join((*warnings, *fetcher.notes))
    return Replayed(role.end, span.end, after, len(pieces), notes)


def beyond(index: WalIndex, role: ServerRole) -> Span | None:
    """The WAL that the stores have, without a hole, behind what the replica has; None where that is nothing."""
    try:
        path = path_to(role.timeline, index.ancestors)
    except KeyError:  # no store knows how its timeline came about, so none has its WAL
        return None
    span = index.holdings.span(path, role.timeline, role.end)
    return span if span.pieces and span.end > role.end else None


def _fed(successor: Site, directory: Path, spool: Path, until: Lsn) -> Lsn:
    """Have the running replica take its WAL from ``spool``; how far it came. Its settings are as before then."""
    file = f"{shlex.quote(str(spool)).replace('%', '%%')}/%f"
    wanted = {
        "restore_command": f"test -f {file} && cp {file} %p",
        "wal_retrieve_retry_interval": _RETRY,
        # Its primary is fenced. An attempt to reach it again can take minutes in which nothing is replayed.
        "primary_conninfo": "",
    }
    try:
        with other_settings(directory, spool / _SETTINGS, wanted):
            reload_settings(successor.url)
            end, moved = Lsn(0), time.monotonic()
            while end < until and time.monotonic() - moved < _STALLED_SECONDS:
                now = role_of(successor).replayed or Lsn(0)
                if now > end:
                    end, moved = now, time.monotonic()
                time.sleep(_PAUSE_SECONDS)
    finally:
        reload_settings(successor.url)
    if end < until:
        logger.warning(
            "the replica has replayed up to %s of %s: the last record in the stores is not whole", end, until
        )
    return role_of(successor).end
