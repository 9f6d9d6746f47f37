"""The receiver: streams a server's WAL into the spool and ships it from there, for as long as it is left alone.

With ``wal.method = archive`` nothing is streamed: the server's archive_command fills the spool, and this ships it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from dr.catalog.lsn import Lsn
from dr.catalog.wal_names import Segment
from dr.configuration.model import System
from dr.crypto.gnupg import opened
from dr.errors import ConfigurationError, DrError, ServerUnreachable, StoreError
from dr.operations.check_source import source_url
from dr.operations.repositories import open_repository
from dr.operations.wal.hurry import is_asked_to_hurry
from dr.operations.wal.lanes import Lane, open_all, open_lanes
from dr.operations.wal.receiver_state import ReceiverState
from dr.operations.wal.shipper import Shipper
from dr.operations.wal.shipping import Shipping, made_shipper
from dr.operations.wal.spool import alone_in
from dr.operations.wal.stream import Stream
from dr.operations.wal.whose_wal import ask_server, recorded_identifier
from dr.postgres.wal_position import Sampler, WalPositions
from dr.storage.lease import Holder
from dr.storage.repository import Repository
from dr.storage.wal_catalogue import WalCatalogue

_TICK_SECONDS, _STATUS_SECONDS, _HURRIED_SECONDS = 0.1, 1.0, 3.0
LAST_SHIPMENT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Indexed:
    """The newest piece that any store has an entry of."""

    following: Segment
    end: Lsn
    server_time: datetime | None


class Receiver:
    """One system's receiver. ``tell`` gets a sentence when something begins or ends."""

    def __init__(self, system: System, *, synchronous: bool, run: str, tell: Callable[[str], None]) -> None:
        if system.wal.method == "none":
            raise ConfigurationError(
                f"{system.name} takes no WAL: wal.method is none", hint="Set wal.method to receive or archive."
            )
        self._system, self._synchronous, self._tell = system, synchronous, tell
        self._holder = Holder.here(run, "receive WAL")
        self._begun = datetime.now(UTC)
        self.shipped = 0

    def keep(self) -> None:
        """Receive and ship until an exception from outside (a signal's) ends it; then ship what there is.

        Raises ``LeaseHeld`` when another has the system's WAL, ``IdentityMismatch``, ``AuthenticationFailed`` and
        ``PrivilegeMissing`` at the beginning.
        """
        system = self._system
        repository = open_repository(system)
        with ExitStack() as stack:
            stack.enter_context(alone_in(system.wal_spool))
            identifier = _whose(system, repository)
            lanes = stack.enter_context(open_lanes(repository, self._holder, identifier))
            open_all(lanes)
            cipher = stack.enter_context(opened(system.encryption))
            positions = WalPositions()
            sampler = stack.enter_context(_sampling(system, positions))
            shipper = stack.enter_context(made_shipper(system, identifier, cipher, lanes, positions))
            self._live(repository, lanes, shipper, sampler)

    def _live(self, repository: Repository, lanes: tuple[Lane, ...], shipper: Shipper, sampler: Sampler | None) -> None:
        system = self._system
        stream: Stream | None = None
        shipping = Shipping(
            system,
            repository,
            shipper,
            is_streaming=lambda: stream is not None and stream.is_running,
            is_draining=lambda: stream is not None and stream.draining,
        )
        if system.wal.method == "receive":
            stream = self._stream(repository, shipper, shipping)
        newest = newest_indexed(repository)
        if newest is not None:
            shipper.note_stored(newest.following.timeline, newest.end)
        state = ReceiverState(
            system, self._synchronous, self._begun, sampler, stream, shipping, newest.server_time if newest else None
        )
        self._tell(f"receiving WAL of {system.name} into {system.wal_spool}" if stream else "shipping archived WAL")
        shipping.start()
        try:
            self._watch(stream, shipping, state)
        finally:
            if stream is not None:
                stream.end()
            shipping.end(LAST_SHIPMENT_SECONDS)
            self.shipped = shipper.shipped
            state.tell()

    def _stream(self, repository: Repository, shipper: Shipper, shipping: Shipping) -> Stream:
        def following() -> Segment | None:
            newest = newest_indexed(repository)
            return newest.following if newest is not None else None

        return Stream(
            self._system,
            shipper.identifier,
            synchronous=self._synchronous,
            indexed_next=following,
            on_break=shipping.note_break,
        )

    def _watch(self, stream: Stream | None, shipping: Shipping, state: ReceiverState) -> None:
        told = hurried = 0.0
        while True:
            if shipping.error is not None:
                raise shipping.error
            if is_asked_to_hurry(self._system):
                hurried = time.monotonic()
                shipping.ship_at_once()
                if stream is not None:
                    stream.begin_at_once()
            if stream is not None and stream.tick():
                shipping.ship_at_once()
            # Whoever has asked waits for the state that says that it is done.
            if time.monotonic() - told >= _STATUS_SECONDS or time.monotonic() - hurried < _HURRIED_SECONDS:
                state.tell()
                told = time.monotonic()
            time.sleep(_TICK_SECONDS)


def _whose(system: System, repository: Repository) -> str:
    """The cluster whose WAL this is. The stores' word is enough to ship the spool of a server that is gone."""
    try:
        recorded = recorded_identifier(repository)
    except StoreError:
        recorded = None
    if system.wal.method != "receive" and recorded is not None:
        return recorded
    try:
        identifier = ask_server(system).identity.system_identifier
    except ServerUnreachable:
        if recorded is None:
            raise
        return recorded
    return recorded or identifier


@contextmanager
def _sampling(system: System, positions: WalPositions) -> Iterator[Sampler | None]:
    if not system.postgres.configured:
        yield None
        return
    with Sampler(source_url(system), system.wal_slot, positions) as sampler:
        yield sampler


def newest_indexed(repository: Repository) -> Indexed | None:
    """The newest piece of the newest timeline in any store's index; None when there is none or no store answers."""
    catalogue = WalCatalogue(repository.system, repository.stores.values())
    found: list[Indexed] = []
    for name in repository.stores:
        try:
            timeline, log = max(catalogue.block_names(name), default=(0, 0))
            block = catalogue.read_block(name, timeline, log) if timeline else None
        except DrError:
            continue  # the lanes tell it
        if block is None:
            continue
        if block.segments:
            last = block.segments[-1]
            end = block.geometry.end(last.segment)
            found.append(Indexed(block.geometry.after(last.segment), end, last.server_closed_at))
        for rest in block.partials[-1:]:
            end = Lsn(block.geometry.begin(rest.segment).position + rest.valid_bytes)
            found.append(Indexed(rest.segment, end, rest.server_closed_at))
    return max(found, key=lambda item: (item.following, item.end), default=None)
