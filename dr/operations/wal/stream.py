"""``pg_receivewal`` under supervision: begun at the right place, begun again whenever it ends, never silently.

Before each beginning the server is asked who it is (I19). Where it begins is decided by what the spool and the index
have, not by the slot: so a lost spool, a dropped slot or a restored receiver leave no hole as long as the server has
the WAL. When it has not, that is a ``Break``: noted, told, and gone on behind it (I18).
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from dr.catalog.lsn import Lsn
from dr.catalog.timelines import parse_history, path_to
from dr.catalog.wal_index import Break
from dr.catalog.wal_names import Segment, WalGeometry, parse_partial_name
from dr.configuration.model import System
from dr.errors import DrError, IdentityMismatch, SourceError
from dr.operations.check_source import physical_url
from dr.operations.wal.spool import Listing, SpoolFile, scan
from dr.operations.wal.whose_wal import ask_server
from dr.pipeline.process import Child, Exit
from dr.postgres.installations import client_for
from dr.postgres.receive_wal import begin_at, mend_partial, receive_wal, slot_is_gone, wal_was_removed
from dr.postgres.slots import ServerWal, create_slot, drop_slot, has_wal, read_slot, timeline_history
from dr.postgres.wal_header import HEADER_BYTES, parse_header, valid_bytes

logger = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE, _GOOD_SECONDS = 0.5, 15.0, 30.0
_DIVERGED = "is not in this server's history"


@dataclass(frozen=True, slots=True)
class Gone:
    """A break that was found: of which timeline, and the geometry to enter it with."""

    timeline: int
    geometry: WalGeometry
    gone: Break


class Stream:
    """The receiving half of the receiver. ``trouble`` says why nothing is received now, empty when it is.

    ``indexed_next`` tells the first segment that no store has (None: not known). ``on_break`` gets each break before
    anything behind it is received. While ``draining``, everything has to leave the spool.
    """

    def __init__(
        self,
        system: System,
        identifier: str,
        *,
        synchronous: bool,
        indexed_next: Callable[[], Segment | None],
        on_break: Callable[[Gone], None],
    ) -> None:
        self._system, self._identifier, self._synchronous = system, identifier, synchronous
        self._indexed_next, self._on_break = indexed_next, on_break
        self._url, self._slot, self._spool = physical_url(system), system.wal_slot, system.wal_spool
        self._child: Child | None = None
        self._begun_at = self._again_at = 0.0
        self._pause = _FIRST_PAUSE
        self._slot_is_bad = self._removed = False
        self._kept_from: Lsn | None = None
        self.trouble = "nothing was received yet"
        self.draining = False
        self.restarts = -1

    @property
    def is_running(self) -> bool:
        return self._child is not None

    def tick(self) -> bool:
        """See to the child; True when it has just ended. Raises ``IdentityMismatch`` when the cluster is another."""
        if self._child is not None:
            ended = self._child.poll()
            if ended is None:
                if time.monotonic() - self._begun_at > 1.0:
                    self.trouble = ""
                return False
            self._note_end(ended)
            return True
        if time.monotonic() >= self._again_at:
            try:
                self._begin()
            except IdentityMismatch:
                raise
            except DrError as error:
                self._wait_because(str(error.message) + (f" ({error.detail})" if error.detail else ""))
        return False

    def begin_at_once(self) -> None:
        """Somebody waits for what comes in: a server that was away until now is not left alone any longer."""
        self._again_at = 0.0

    def _wait_because(self, trouble: str) -> None:
        if trouble != self.trouble:
            logger.warning("no WAL is received: %s", trouble)
        self.trouble = trouble
        self._again_at = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def _note_end(self, ended: Exit) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None
        if time.monotonic() - self._begun_at > _GOOD_SECONDS:
            self._pause = _FIRST_PAUSE
        self._removed = wal_was_removed(ended.stderr)
        self._slot_is_bad = slot_is_gone(ended.stderr)
        if _DIVERGED in ended.stderr:
            self.draining = True
        self._wait_because(str(ended))

    def _begin(self) -> None:
        server = ask_server(self._system)
        if server.identity.system_identifier != self._identifier:
            raise IdentityMismatch(
                f"the server is another cluster than the one whose WAL {self._system.name} keeps",
                detail=f"system identifier {server.identity.system_identifier}, expected {self._identifier}",
                hint="If the cluster was made anew (initdb), give it a new system name (DR_SYSTEM or --system).",
            )
        geometry = WalGeometry(server.segment_bytes)
        kept_from = self._ready_slot()
        listing = scan(self._spool)
        for file in listing.partials:
            if mend_partial(file.path, geometry.segment_bytes):
                logger.warning("%s had %d bytes only: pg_receivewal was killed while it made it", file.name, file.size)
        if self.draining:
            if listing.newest is not None:
                self.trouble = "the server has branched off earlier: what is in the spool is shipped first"
                self._again_at = time.monotonic() + 0.2
                return
            self._branch_off(server, geometry)
        elif self._removed:
            self._break_off(listing, geometry, server.identity.timeline)
        else:
            self._kept_from = kept_from
            self._go_on_from_index(listing)
            if self._is_gone(scan(self._spool).newest, geometry):
                self._break_off(scan(self._spool), geometry, server.identity.timeline)
        program = client_for(server.major, self._system.postgres.bin_directories)
        self._child = receive_wal(self._url, program, self._slot, self._spool, synchronous=self._synchronous)
        self._begun_at = time.monotonic()
        self._removed = self._slot_is_bad = False
        self.restarts += 1

    def _ready_slot(self) -> Lsn | None:
        """Have a slot that keeps WAL; the oldest that it keeps."""
        slot = read_slot(self._url, self._slot)
        if slot is not None and (self._slot_is_bad or slot.restart_lsn is None):
            logger.error("the replication slot %s has lost its WAL: it is made anew", self._slot)
            drop_slot(self._url, self._slot)
            slot = None
        if slot is None:
            create_slot(self._url, self._slot)
            slot = read_slot(self._url, self._slot)
        return slot.restart_lsn if slot is not None else None

    def _go_on_from_index(self, listing: Listing) -> None:
        """When the stores have more than the spool shows (it was emptied, or is another host's), begin behind that."""
        following = self._indexed_next()
        newest = _segment(listing.newest)
        if following is not None and (newest is None or newest < following):
            begin_at(self._spool, following)

    def _is_gone(self, newest: SpoolFile | None, geometry: WalGeometry) -> bool:
        """Whether the WAL that comes next is older than what the slot keeps, and the server has not got it any more."""
        if newest is None or newest.segment is None or self._kept_from is None:
            return False
        following = newest.segment if newest.is_partial else geometry.after(newest.segment)
        begin = geometry.begin(following)
        if geometry.number(geometry.at(1, self._kept_from)) <= geometry.number(following):
            return False
        return not has_wal(self._url, newest.timeline, begin)

    def _break_off(self, listing: Listing, geometry: WalGeometry, timeline: int) -> None:
        """The server has not got what comes next: note the hole, and go on at its end.

        That is where the slot kept WAL from *before* the attempt: by asking for older WAL an attempt moves the slot
        back to there. Where that is not known (any more), a new slot keeps what there is from now on.
        """
        newest = listing.newest
        if newest is None:
            return
        begin = received_end(newest, geometry)
        if self._kept_from is None or geometry.begin(geometry.at(timeline, self._kept_from)) <= begin:
            drop_slot(self._url, self._slot)
            self._kept_from = self._ready_slot()
        if self._kept_from is None:
            raise SourceError(f"the replication slot {self._slot} keeps no WAL", hint="It is made anew at once.")
        start = geometry.at(timeline, self._kept_from)
        end = geometry.begin(start)
        if end <= begin:
            return  # it has got it after all
        reason = f"the server had removed it before it was received (slot {self._slot} was dropped, lost or too late)"
        self._on_break(Gone(newest.timeline, geometry, Break(begin, end, datetime.now(UTC), reason)))
        logger.error("WAL from %s to %s is lost for good: %s. Take a new base backup.", begin, end, reason)
        begin_at(self._spool, start)

    def _branch_off(self, server: ServerWal, geometry: WalGeometry) -> None:
        """The server's timeline left ours before the end of what we have (an asynchronous standby was promoted)."""
        known = self._indexed_next()
        timeline = server.identity.timeline
        history = parse_history(timeline_history(self._url, timeline)) if timeline > 1 else ()
        for section in path_to(timeline, {timeline: history}):
            if known is None or section.timeline > known.timeline:
                begin_at(self._spool, geometry.at(section.timeline, section.begin))
                logger.warning("going on with timeline %d from %s on", section.timeline, section.begin)
                break
        self.draining = False

    def end(self, deadline_seconds: float = 10) -> None:
        """Ask it to end, which closes and flushes what it has; kill it when that takes too long."""
        child, self._child = self._child, None
        if child is not None:
            child.signal(signal.SIGINT)
            child.wait(deadline_seconds)
            child.close()


def _segment(file: SpoolFile | None) -> Segment | None:
    """The segment that pg_receivewal would go on with or has closed."""
    return file.segment if file is not None else None


def received_end(file: SpoolFile, geometry: WalGeometry | None = None) -> Lsn:
    """Up to where a segment of the spool is written. An open one without any WAL ends where it begins."""
    segment = file.segment or parse_partial_name(file.name)
    if segment is None:
        raise ValueError(f"{file.name} is no segment")
    geometry = geometry or WalGeometry(file.size or WalGeometry().segment_bytes)
    if not file.is_partial:
        return geometry.end(segment)
    with file.path.open("rb") as opened:
        head = opened.read(HEADER_BYTES)
        written = valid_bytes(opened.fileno(), parse_header(head, file.name)) if any(head) else 0
    return Lsn(geometry.begin(segment).position + written)
