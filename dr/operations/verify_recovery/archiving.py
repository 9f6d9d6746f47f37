"""Does the recovered server's WAL reach a store? Something is committed, its segment closed, and seen to arrive.

Without that, a base backup is all that can be recovered: every commit from now on is lost with this server.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from dr.catalog.lsn import Lsn
from dr.catalog.wal_index import WalBlock
from dr.catalog.wal_names import LOG_BYTES
from dr.configuration.model import System
from dr.errors import BackupInvalid, DrError, LeaseHeld, PrivilegeMissing
from dr.operations.check_source import source_url
from dr.operations.repositories import open_repository
from dr.operations.wal.hurry import hurry
from dr.operations.wal.ship_once import ship_once
from dr.operations.wal.status import ReceiverStatus, read_status
from dr.policy.recovered_state import Finding, Said
from dr.postgres.archiving import switch_wal
from dr.postgres.questions import asking, where_it_is, write_once
from dr.storage.wal_catalogue import WalCatalogue

_NAME = "WAL"
_PAUSE_SECONDS = 0.25
_HURRY_SECONDS = 1.0
_ASK_SECONDS = 15.0


def wal_arrives(system: System, seconds: float, *, run: str) -> Finding:
    """Wait up to ``seconds`` until every store has it. One store that has it is enough not to fail."""
    if not system.postgres.physical or system.wal.method == "none":
        return Finding(_NAME, Said.NOT_ASKED, "no WAL is kept of this server: a backup is all that can be recovered")
    receiver = _receiver(system)
    if system.wal.method == "receive" and (receiver is None or not receiver.alive):
        mend = f"dr wal receive --system {system.name}, as a service."
        return Finding(_NAME, Said.FAILED, "no receiver runs on this host: what is committed now is in no store", mend)
    try:
        timeline, wanted, closed = _commit_and_close(system)
        return _waited(system, timeline, wanted, closed, seconds, run)
    except DrError as error:
        return Finding(_NAME, Said.FAILED, f"{error.message} {error.detail}".strip(), error.hint)


def _commit_and_close(system: System) -> tuple[int, Lsn, bool]:
    """The timeline, where the WAL has to be stored up to, and whether the segment is closed there."""
    url = source_url(system)
    with asking(url, _ASK_SECONDS) as connection:
        write_once(connection)
        place = where_it_is(connection)
    if place.timeline is None or place.lsn is None:
        raise BackupInvalid("the server is in recovery and writes no WAL", hint="SELECT pg_promote(); then ask again.")
    try:
        return place.timeline, switch_wal(url).lsn, True
    except PrivilegeMissing:
        return place.timeline, place.lsn, False  # the receiver stores the open segment as far as it is written


def _waited(system: System, timeline: int, wanted: Lsn, closed: bool, seconds: float, run: str) -> Finding:
    begin = time.monotonic()
    stores = open_repository(system).stores
    catalogue = WalCatalogue(system.name, stores.values())
    arrived: dict[str, float] = {}
    trouble = ""
    while len(arrived) < len(stores) and time.monotonic() - begin < seconds:
        trouble = _push(system, run, wanted)
        for name in (name for name in stores if name not in arrived):
            if _has(catalogue, name, timeline, wanted):
                arrived[name] = time.monotonic() - begin
        time.sleep(_PAUSE_SECONDS if len(arrived) < len(stores) else 0)
    what = f"WAL of timeline {timeline} up to {wanted}" + ("" if closed else " (the open segment)")
    late = [name for name in stores if name not in arrived]
    if not arrived:
        return _never(system, f"{what} came into no store within {seconds:.0f} s", trouble)
    if late:
        detail = f"{what} is in {', '.join(arrived)}, and not in {', '.join(late)} after {seconds:.0f} s"
        return Finding(_NAME, Said.UNPROVEN, detail, "See dr wal status; wal_shipping levels the stores.")
    return Finding(_NAME, Said.PASSED, f"{what} was in {_times(arrived)}")


def _times(arrived: Mapping[str, float]) -> str:
    return " and ".join(f"{name} after {seconds:.1f} s" for name, seconds in arrived.items())


def _push(system: System, run: str, wanted: Lsn) -> str:
    """Have it stored now: by the receiver where one runs, by ourselves what archive_command has put down."""
    receiver = _receiver(system)
    if receiver is not None and receiver.alive:
        hurry(system, _HURRY_SECONDS, until=wanted)
        return "; ".join(receiver.problems)
    if system.wal.method == "receive":
        return "the receiver has ended"
    try:
        ship_once(system, run=run)
    except LeaseHeld:
        return ""  # somebody else ships, and it will arrive
    except DrError as error:
        return error.message
    return ""


def _receiver(system: System) -> ReceiverStatus | None:
    try:
        return read_status(system)
    except (BackupInvalid, OSError):
        return None


def _has(catalogue: WalCatalogue, store: str, timeline: int, wanted: Lsn) -> bool:
    """By the store's index, which names a piece only after it was read back from there."""
    try:
        block = catalogue.read_block(store, timeline, (wanted.position - 1) // LOG_BYTES)
    except DrError:
        return False
    return block is not None and _end(block) >= wanted


def _end(block: WalBlock) -> Lsn:
    ends = [block.geometry.end(item.segment) for item in block.segments]
    ends += [Lsn(block.geometry.begin(item.segment).position + item.valid_bytes) for item in block.partials]
    return max(ends, default=Lsn(0))


def _never(system: System, what: str, trouble: str) -> Finding:
    receiver = _receiver(system)
    told = trouble or ("; ".join(receiver.problems) if receiver is not None else "")
    if system.wal.method == "archive":
        mend = "See archive_command and the server's log: SELECT * FROM pg_stat_archiver; dr wal archive-command."
    else:
        mend = "See dr wal status: what the receiver says is wrong there."
    return Finding(_NAME, Said.FAILED, f"{what}: {told}" if told else what, mend)
