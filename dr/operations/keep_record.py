"""Keep the record of a run where it survives: in every store that takes it, and first of all on this host.

A record that no store took stays on this host and goes along with the next run's, so a disaster recovery made while
the bucket was away is not missing from the evidence later.
"""

from __future__ import annotations

import errno
from datetime import datetime
from pathlib import Path

from dr.catalog.labels import evidence_key
from dr.configuration.model import System
from dr.errors import ConfigurationError, DrError, StoreError, StoreFull
from dr.operations.repositories import open_repository
from dr.operations.whole_file import write_whole


def keep_record(system: System, run: str, begun: datetime, data: bytes) -> tuple[str, ...]:
    """Store a record; the names of the stores that have it now. One that none took waits on this host."""
    waiting = system.state_directory / "runs" / system.name
    file = waiting / f"{begun:%Y}-{run}.json"
    try:
        write_whole(file, data)
    except OSError as error:
        message = f"the record of run {run} cannot be kept in {waiting}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull(message, str(error), "Free space there; the run itself has ended.") from error
        raise ConfigurationError(
            message, str(error), "Give state_directory (DR_STATE_DIRECTORY) a place that can be written."
        ) from error
    stored: tuple[str, ...] = ()
    for item in sorted(waiting.glob("[0-9][0-9][0-9][0-9]-*.json")):
        taken = _ship(system, item)
        if taken:
            item.unlink(missing_ok=True)  # another run that has just ended ships what waits as well
        if item == file:
            stored = taken
    return stored


def _ship(system: System, file: Path) -> tuple[str, ...]:
    year, _, run = file.stem.partition("-")
    key = evidence_key(system.name, f"run_{run}", datetime.strptime(year + "+0000", "%Y%z"))
    taken = []
    try:
        data = file.read_bytes()
        stores = open_repository(system).stores
    except (DrError, FileNotFoundError):
        return ()
    for name, store in stores.items():
        try:
            store.put_bytes(key, data)
            taken.append(name)
        except StoreError:
            continue  # the record stays on this host unless another store has it
    return tuple(taken)
