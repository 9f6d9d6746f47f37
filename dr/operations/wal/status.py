"""The receiver's state, told in a file that it replaces every second."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import msgspec

from dr.catalog.lsn import Lsn, decode_lsn, encode_lsn
from dr.configuration.model import System
from dr.errors import BackupInvalid
from dr.pipeline.process_table import process_start


@dataclass(frozen=True, slots=True)
class ReceiverStatus:
    """What the receiver of one system knew at ``updated``. ``alive``: its process is running now.

    ``sync_state`` is the server's word on us (``async``, ``sync``, ``quorum``, empty when it cannot be asked).
    ``stored_server_time``: every commit acknowledged by then, by the server's clock, is in a store.
    ``base_needed`` says why only a new base backup makes recovery possible from now on; empty when it is not needed.
    ``process_start`` tells the process from a later one with the same number; ``stored_timeline`` is that of
    ``stored_lsn``, 0 where it is not known.
    """

    pid: int
    alive: bool
    begun: datetime
    updated: datetime
    synchronous: bool
    sync_state: str
    received_lsn: Lsn | None
    stored_lsn: Lsn | None
    stored_server_time: datetime | None
    waiting_segments: int
    waiting_bytes: int
    oldest_waiting_seconds: float
    base_needed: str
    problems: tuple[str, ...]
    process_start: str = ""
    stored_timeline: int = 0


def status_file(system: System) -> Path:
    """Where the receiver of this host tells its state."""
    return system.state_directory / "wal" / f"{system.name}.status.json"


def read_status(system: System) -> ReceiverStatus | None:
    """The last state that was told; None when no receiver ever ran on this host. Raises ``BackupInvalid``."""
    file = status_file(system)
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return None
    try:
        status = msgspec.json.decode(data, type=ReceiverStatus, dec_hook=decode_lsn)
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError) as error:
        raise BackupInvalid(f"{file} is not a receiver's state", str(error), "Remove it.") from error
    return replace(status, alive=bool(status.process_start) and process_start(status.pid) == status.process_start)


def write_status(system: System, status: ReceiverStatus) -> None:
    """Replace the file whole. A full disk raises OSError: the state then grows old, which its reader sees."""
    file = status_file(system)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_bytes(msgspec.json.encode(status, enc_hook=encode_lsn))
        temporary.replace(file)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise
