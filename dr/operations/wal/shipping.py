"""The shipping half of the receiver: a thread that empties the spool for as long as the receiver lives.

Order of each round: breaks and histories, closed segments, then (when it is due) what there is of the open one, then a
slice of what stores miss. A failure of all stores only makes the spool grow; it never stops the receiving.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial as bound

from dr.configuration.model import System
from dr.crypto.gnupg import Cipher
from dr.errors import DrError
from dr.operations.wal.lanes import Lane
from dr.operations.wal.level_stores import Leveller
from dr.operations.wal.level_survey import Survey, base_needed, survey
from dr.operations.wal.ship_history import HistoryFiles
from dr.operations.wal.ship_partial import OpenSegments
from dr.operations.wal.shipper import Shipper
from dr.operations.wal.spool import Listing, scan
from dr.operations.wal.stream import Gone
from dr.postgres.wal_position import WalPositions
from dr.storage.repository import Repository

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.1
_SURVEY_SECONDS, _EAGER_SURVEY_SECONDS = 600.0, 15.0


class Shipping(threading.Thread):
    """Ships until it is told to end, and then once more. ``error`` is what ended it before that.

    ``is_streaming`` says whether the newest partial is being written; ``is_draining`` that nothing may stay in the
    spool. ``found`` is the newest comparison of the stores.
    """

    def __init__(
        self,
        system: System,
        repository: Repository,
        shipper: Shipper,
        *,
        is_streaming: Callable[[], bool],
        is_draining: Callable[[], bool],
    ) -> None:
        super().__init__(name="ship WAL", daemon=True)
        self.shipper = shipper
        self.error: BaseException | None = None
        self.trouble = ""
        self.found: Survey | None = None
        self._system, self._repository = system, repository
        self._is_streaming, self._is_draining = is_streaming, is_draining
        self._keep = shipper.keep_newest
        self._histories, self._open = HistoryFiles(shipper), OpenSegments(shipper)
        self._leveller = Leveller(repository, shipper.lanes)
        self._breaks: deque[Gone] = deque()
        self._at_once = threading.Event()
        self._ending = threading.Event()
        self._deadline = float("inf")
        self._partial_due = 0.0
        self._survey_due = 0.0
        self._surveying: threading.Thread | None = None
        self._fresh: Survey | None = None

    @property
    def base_needed(self) -> str:
        """Why a new base backup is needed."""
        waiting = [item.gone for item in self._breaks]
        if waiting:
            return f"WAL from {waiting[-1].begin} to {waiting[-1].end} is lost: {waiting[-1].reason}"
        return base_needed(self.found) if self.found is not None else ""

    @property
    def conflicts(self) -> tuple[str, ...]:
        """What stores have under one name with different content."""
        return tuple(self.found.conflicts) if self.found is not None else ()

    def note_break(self, gone: Gone) -> None:
        """Have it entered into every store's index."""
        self._breaks.append(gone)

    def ship_at_once(self) -> None:
        """The stream has ended: what there is may be all that there will be."""
        self._at_once.set()

    def end(self, seconds: float) -> None:
        """Ship what there is, for at most that long, and end."""
        self._deadline = time.monotonic() + seconds
        self._ending.set()
        self.join(seconds + 30)

    def run(self) -> None:
        """The thread's life."""
        try:
            while True:
                last = self._ending.is_set()
                self._round(last)
                if last:
                    return
                self._ending.wait(POLL_SECONDS)
        except BaseException as error:  # noqa: BLE001 - the receiver raises it again
            self.error = error

    def _round(self, last: bool) -> None:
        try:
            self._ship(last)
            self.trouble = ""
        except OSError as error:
            self.trouble = f"the spool cannot be read: {error}"

    def _ship(self, last: bool) -> None:
        self.shipper.keep_newest = self._keep and not self._is_draining()
        listing = scan(self._system.wal_spool)
        self.shipper.drop_done(listing)
        self._enter_breaks()
        self._histories.ship(listing)
        complete = self.shipper.ship_segments(listing, self._may_go_on)
        if complete and self._is_partial_due(listing, last):
            asked = self._at_once.is_set()
            self._at_once.clear()
            if not self._open.ship(scan(self._system.wal_spool), being_written=self._is_streaming()) and asked:
                self._at_once.set()
            self._partial_due = time.monotonic() + self._system.wal.partial_seconds
        if not last:
            self._level()

    def _may_go_on(self) -> bool:
        return time.monotonic() < self._deadline

    def _is_partial_due(self, listing: Listing, last: bool) -> bool:
        finished = any(listing.newest is not None and file.name != listing.newest.name for file in listing.partials)
        return (
            last
            or finished
            or self._at_once.is_set()
            or time.monotonic() >= self._partial_due
            or (self._is_draining() and bool(listing.partials))
        )

    def _enter_breaks(self) -> None:
        """Into every store that takes part; the others get it when they are levelled."""
        while self._breaks:
            item = self._breaks[0]
            entered = [
                self.shipper.enter(
                    lane, bound(lane.index.add_break, self.shipper.identifier, item.geometry, item.timeline, item.gone)
                )
                for lane in self.shipper.ready_lanes()
            ]
            if not any(entered):
                return
            if self.found is not None:
                self.found.known_breaks.append(item.gone)
            self._breaks.popleft()
            self._survey_due = 0.0

    def _level(self) -> None:
        """Compare the stores now and then, at once when one is back, and copy a slice of what is missing."""
        for lane in self.shipper.lanes:
            if lane.returned.is_set():
                lane.returned.clear()
                self._survey_due = 0.0
        if self._fresh is not None:
            self.found, self._fresh = self._fresh, None
            self._leveller.take(self.found)
        if not self._leveller.is_done:
            self._leveller.go_on()
        elif time.monotonic() >= self._survey_due and not (self._surveying and self._surveying.is_alive()):
            names = [lane.name for lane in self.shipper.lanes if lane.is_ready()]
            if names:
                self._surveying = threading.Thread(target=self._survey, args=(names,), name="compare", daemon=True)
                self._surveying.start()

    def _survey(self, names: Sequence[str]) -> None:
        try:
            found = survey(self._repository, names)
        except DrError as error:
            logger.warning("the stores cannot be compared: %s", error.message)
            self._survey_due = time.monotonic() + _EAGER_SURVEY_SECONDS
            return
        eager = base_needed(found) or found.missing
        self._survey_due = time.monotonic() + (_EAGER_SURVEY_SECONDS if eager else _SURVEY_SECONDS)
        self._fresh = found


def made_shipper(system: System, identifier: str, cipher: Cipher, lanes: Sequence[Lane], at: WalPositions) -> Shipper:
    """A shipper as the receiver uses it."""
    keep = system.wal.method == "receive"
    return Shipper(system.name, identifier, cipher, lanes, system.wal.workers, at, keep_newest=keep)
