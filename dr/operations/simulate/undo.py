"""Undo a simulated disaster: everything is put back where it was, and what has come there meanwhile is kept aside."""

from __future__ import annotations

import errno
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from dr.configuration.model import System
from dr.errors import BackupNotFound, ConfigurationError, RecoveryFailed, ServiceError, TargetRefused
from dr.evidence.approvals import NOTHING
from dr.operations.application.health import wait_until_healthy
from dr.operations.application.start import start_services
from dr.operations.application.stop import stop_services
from dr.operations.region.sites import second_region, sight_of
from dr.operations.simulate.pages import write_pages
from dr.operations.simulate.quarantine import Book, DamagedPages, Simulation, Taken, find_simulation
from dr.policy.service_order import only
from dr.services.registry import order


def undo_plan(simulation: Simulation) -> tuple[str, ...]:
    """What undoing it will do, for people."""
    return (
        f"system      {simulation.system}",
        f"disaster    {simulation.scenario} of {simulation.at:%Y-%m-%d %H:%M:%S}Z ({simulation.id})",
        f"stop        {', '.join(simulation.services) or 'nothing'}",
        *(f"put back    {taken.place}; what is there now is kept aside" for taken in simulation.taken),
        *((f"put back    pages of {simulation.pages.table}",) if simulation.pages is not None else ()),
        f"start       {', '.join(simulation.services) or 'nothing'}",
    )


def undo_simulation(system: System, wanted: str = "") -> Simulation:
    """Undo the newest one, or that of an id. May be run again when it was interrupted."""
    if not system.procedures.simulation.allowed:
        raise ConfigurationError(
            f"{system.name} is no test system any more", hint="Set simulation.allowed for the time of undoing it."
        )
    book = find_simulation(system, wanted)
    if book.simulation.undone_at is not None:
        raise BackupNotFound(f"simulation {book.simulation.id} was undone at {book.simulation.undone_at:%H:%M:%S}Z")
    _refuse_second_in_charge(system)
    stop_services(system, order(system))
    notes = []
    for taken in reversed(book.simulation.taken):
        notes += _put_back(book, taken)
    if book.simulation.pages is not None:
        notes += _mend(book.simulation.pages)
    start_services(system, only(order(system), frozenset(book.simulation.services)))
    notes += _not_answering(system)
    book.write(replace(book.simulation, undone_at=datetime.now(UTC), notes=(*book.simulation.notes, *notes)))
    return book.simulation


def _refuse_second_in_charge(system: System) -> None:
    """What was taken away would come up in charge as well, on a timeline that was left: two servers with orders."""
    if system.procedures.region.standby_url is None:
        return
    site = second_region(system)
    seen = sight_of(site)
    followed = site.directory is not None and (site.directory / "standby.signal").exists()
    gone = site.directory is None or not site.directory.exists()
    if seen.in_charge if seen.answers else not (followed or gone):
        raise TargetRefused(
            f"{site.name} is in charge by now: the first one must not come up beside it",
            detail=NOTHING,
            hint="Go back to the first region: dr failback. What was taken away stays in the quarantine.",
        )


def _not_answering(system: System) -> list[str]:
    try:
        wait_until_healthy(system)
    except ServiceError as error:
        return [f"everything is put back and started, but: {error.message}"]
    return []


def _put_back(book: Book, taken: Taken) -> list[str]:
    place, kept = Path(taken.place), Path(taken.kept)
    if not (kept.exists() or kept.is_symlink()):
        if place.exists() or place.is_symlink():
            return []  # it was never taken, or is back already
        raise RecoveryFailed(
            f"{place} is gone, and {kept} as well",
            hint=f"Look below {book.directory}; the other things have been put back.",
        )
    notes = []
    if place.exists() or place.is_symlink():
        aside = _aside(book, place)
        notes.append(f"what was in {place} is now {aside}")
    place.parent.mkdir(parents=True, exist_ok=True)
    kept.rename(place)
    return notes


def _aside(book: Book, place: Path) -> Path:
    stamp = f"{datetime.now(UTC):%H%M%S%f}"
    aside = book.directory / f"after-{stamp}-{place.name}"
    try:
        place.rename(aside)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        aside = place.with_name(f".{place.name}.after-{stamp}")
        place.rename(aside)
    return aside


def _mend(pages: DamagedPages) -> list[str]:
    file = Path(pages.file)
    try:
        known = file.stat()
    except FileNotFoundError:
        return [f"{file} is gone: its data directory has been replaced, and its pages with it"]
    if (known.st_ino, known.st_dev) != (pages.inode, pages.device):
        return [f"{file} is another file by now: a recovery has replaced it, and its pages with it"]
    before = Path(pages.kept).read_bytes()
    size = pages.page_bytes
    write_pages(file, size, {page: before[place * size :][:size] for place, page in enumerate(pages.pages)})
    return []
