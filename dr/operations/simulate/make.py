"""Make the disaster: kill, overwrite, take away, each written down before it is done.

The permission is asked for again right before: what was planned an hour ago may be another system's by now.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from dr.configuration.model import System
from dr.errors import RecoveryFailed, TargetRefused
from dr.evidence.approvals import NOTHING
from dr.operations.application.stop import statuses
from dr.operations.simulate.kill import kill_service
from dr.operations.simulate.pages import chosen_pages, noise, read_pages, write_pages
from dr.operations.simulate.plan import SimulationPlan, plan_simulation
from dr.operations.simulate.quarantine import Book, DamagedPages, Simulation, Taken, quarantine_of
from dr.postgres.test_mark import largest_table
from dr.services.protocol import State
from dr.services.registry import service


def make_disaster(
    system: System, plan: SimulationPlan, others: Iterable[System], *, by: str, seed: int = 0
) -> Simulation:
    """Do what ``plan`` says. ``seed`` draws the pages; 0 draws one. Raises ``TargetRefused`` when it no longer fits."""
    if plan_simulation(system, plan.scenario, others) != plan:
        raise TargetRefused(
            f"{plan.system} is not any more what the plan was made for",
            detail=NOTHING,
            hint="Look at the plan again: dr simulate-disaster --dry-run.",
        )
    now = datetime.now(UTC)
    identity = f"{now:%Y%m%d_%H%M%S}_{secrets.token_hex(2)}"
    names = tuple(status.service for status in statuses(system, _names(system)) if status.state is not State.STOPPED)
    book = Book(quarantine_of(system) / identity, Simulation(identity, system.name, plan.scenario, now, by, names))
    book.write(book.simulation)
    if plan.corrupt:
        _corrupt(system, book, seed or secrets.randbelow(1 << 31) + 1)
    seconds = system.procedures.application.stop_seconds
    for name in plan.kill:
        done = kill_service(system, name, seconds)
        book.write(replace(book.simulation, killed=(*book.simulation.killed, done)))
    for path in plan.take:
        _take(book, Path(path))
    book.write(replace(book.simulation, done=True))
    return book.simulation


def _names(system: System) -> tuple[str, ...]:
    return tuple(item.name for item in system.procedures.services)


def _corrupt(system: System, book: Book, seed: int) -> None:
    """A page in shared buffers would hide its damaged copy on disk, so the server is down while it is written."""
    recovery = system.procedures.recovery
    if recovery.data_directory is None or recovery.database_service is None:
        raise ValueError("a plan that corrupts names a data directory and a service")
    table = largest_table(system.postgres.url)
    file = recovery.data_directory / table.path
    if not file.is_file():
        raise TargetRefused(f"{table.name} has no file {file}", detail=NOTHING, hint="Correct recovery.data_directory.")
    database = service(system, recovery.database_service)
    database.stop(system.procedures.application.stop_seconds)
    pages = chosen_pages(table.pages, seed)
    before = read_pages(file, table.page_bytes, pages)
    kept = book.directory / "pages"
    with kept.open("wb") as stream:
        stream.write(b"".join(before.values()))
        stream.flush()
        os.fsync(stream.fileno())
    known = file.stat()
    damaged = DamagedPages(table.name, str(file), table.page_bytes, pages, str(kept), known.st_ino, known.st_dev)
    book.write(replace(book.simulation, pages=damaged, at=datetime.now(UTC)))
    write_pages(file, table.page_bytes, noise(table.page_bytes, pages, seed))
    database.start(system.procedures.application.start_seconds)


def _take(book: Book, path: Path) -> None:
    number = len(book.simulation.taken)
    inside = book.directory / f"{number:02d}-{path.name}"
    beside = path.with_name(f".{path.name}.{book.simulation.id}")
    for kept in (inside, beside):
        book.will_take(Taken(str(path), str(kept)))
        try:
            path.rename(kept)
        except OSError as error:
            book.write(replace(book.simulation, taken=book.simulation.taken[:-1]))
            if error.errno == errno.EXDEV and kept is inside:
                continue  # another file system: beside its own place then, for a copy could be large
            raise RecoveryFailed(
                f"{path} cannot be taken away", str(error), "dr simulate-disaster --undo brings back what was taken."
            ) from error
        return
