"""Ship history files: without ``00000002.history`` no recovery finds its way onto timeline 2, so they go first."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial as bound
from hashlib import sha256

from dr.catalog import labels
from dr.catalog.timelines import parse_history
from dr.catalog.wal_index import Ancestor, StoredHistory
from dr.errors import BackupInvalid, DrError, IdentityMismatch, LeaseHeld, StoreError
from dr.operations.wal.lanes import Lane
from dr.operations.wal.ship_segment import seal_bytes
from dr.operations.wal.shipper import Shipper
from dr.operations.wal.spool import Listing, SpoolFile


@dataclass(slots=True)
class HistoryFiles:
    """Ships history files through a shipper."""

    shipper: Shipper

    def ship(self, listing: Listing) -> bool:
        """Ship all of them. False when one could not be stored."""
        complete = True
        for file in listing.histories:
            try:
                complete = self._ship(file) and complete
            except BackupInvalid as error:
                self.shipper.refuse(file, error)
            except (LeaseHeld, IdentityMismatch):
                raise
            except (DrError, OSError):
                complete = False  # the lanes say why
        return complete

    def _ship(self, file: SpoolFile) -> bool:
        shipper = self.shipper
        lanes = shipper.ready_lanes()
        if not lanes:
            return False
        content = file.path.read_bytes()
        digest = sha256(content).hexdigest()
        ancestors = _parsed(file, content)
        missing = [lane for lane in lanes if not _has(lane, file, digest)]
        entered = len(missing) < len(lanes)
        if missing:
            key = labels.wal_history_key(shipper.system, file.timeline)
            sealed = seal_bytes((content,), shipper.cipher, key)
            stored = shipper.travel.store(key, sealed, missing)
            record = StoredHistory(
                timeline=file.timeline,
                system_identifier=shipper.identifier,
                content=content.decode(),
                stored_sha256=sealed.sha256,
                stored_bytes=len(sealed.data),
                plain_sha256=digest,
                stored_at=datetime.now(UTC),
                ancestors=ancestors,
            )
            for lane in missing:
                if lane.name in stored:
                    entered = shipper.enter(lane, bound(lane.index.add_history, record)) or entered
        if entered:
            shipper.shipped += bool(missing)
            with suppress(FileNotFoundError):
                file.path.unlink()
        return entered


def _parsed(file: SpoolFile, content: bytes) -> tuple[Ancestor, ...]:
    try:
        ancestors = parse_history(content.decode())
        if not ancestors or ancestors[-1].timeline >= file.timeline:
            raise ValueError("it does not say where its timeline branched off")
    except ValueError as error:
        raise BackupInvalid(
            f"{file.path} is not a timeline's history", str(error), "See where the file comes from."
        ) from error
    return ancestors


def _has(lane: Lane, file: SpoolFile, digest: str) -> bool:
    """Whether the store has it. Raises ``BackupInvalid`` when it has another under that name."""
    try:
        known = lane.index.history(file.timeline)
    except StoreError as error:
        lane.fail(error)
        return False
    if known is not None and known.plain_sha256 != digest:
        raise BackupInvalid(
            f"{file.path} is not the {file.name} that store {lane.name} has",
            detail=f"stored since {known.stored_at:%F %T} UTC: {known.content.strip()!r}",
            hint="Two servers were promoted to one timeline. Stop the one that is not in charge.",
        )
    return known is not None
