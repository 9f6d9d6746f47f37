"""What a simulated disaster took away, and how to bring it back: written down before each act, so that a drill that
fails, or is killed, can be undone.

``<quarantine>/<id>/simulation.json`` says what was done; files and directories that were taken away lie beside it, or,
where that is another file system, beside their own place under a name that begins with a dot.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import msgspec

from dr.configuration.model import System
from dr.errors import BackupInvalid, BackupNotFound
from dr.evidence.incident_log import cannot_write
from dr.operations.whole_file import write_whole
from dr.policy.objectives import Scenario

FILE = "simulation.json"


@dataclass(frozen=True, slots=True)
class Taken:
    """A file or directory that was moved from ``place`` to ``kept``."""

    place: str
    kept: str


@dataclass(frozen=True, slots=True)
class DamagedPages:
    """Pages of one table's file that were overwritten. ``kept`` is the file with what was there, page after page.

    ``inode`` and ``device`` tell the file from one that a recovery has put in its place.
    """

    table: str
    file: str
    page_bytes: int
    pages: tuple[int, ...]
    kept: str
    inode: int
    device: int


@dataclass(frozen=True, slots=True)
class Simulation:
    """One disaster. ``at`` is the last moment at which all was well (UTC)."""

    id: str
    system: str
    scenario: Scenario
    at: datetime
    by: str
    services: tuple[str, ...] = ()
    killed: tuple[str, ...] = ()
    taken: tuple[Taken, ...] = ()
    pages: DamagedPages | None = None
    done: bool = False
    undone_at: datetime | None = None
    notes: tuple[str, ...] = field(default=())


def quarantine_of(system: System) -> Path:
    """Where everything that is taken away from a system lies."""
    return system.procedures.simulation.quarantine or system.state_directory / "quarantine" / system.name


@dataclass(slots=True)
class Book:
    """Writes the record of one simulation, whole and synced, each time that something is about to be done."""

    directory: Path
    simulation: Simulation

    def will_take(self, taken: Taken) -> None:
        """This will be moved next."""
        self.write(replace(self.simulation, taken=(*self.simulation.taken, taken)))

    def write(self, simulation: Simulation) -> None:
        """Replace the record."""
        self.simulation = simulation
        file = self.directory / FILE
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(file, msgspec.json.format(msgspec.json.encode(simulation), indent=1))
        except OSError as error:
            raise cannot_write(self.directory, error) from error


def find_simulation(system: System, wanted: str = "") -> Book:
    """The simulation by its id; empty: the newest one that has not been undone. Raises ``BackupNotFound``."""
    for file in sorted(quarantine_of(system).glob(f"{wanted or '*'}/{FILE}"), reverse=True):
        try:
            found = msgspec.json.decode(file.read_bytes(), type=Simulation)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise BackupInvalid(
                f"{file} cannot be read", str(error), "Bring back by hand what lies beside it."
            ) from error
        if found.system == system.name and (wanted or found.undone_at is None):
            return Book(file.parent, found)
    raise BackupNotFound(
        f"no simulated disaster of {system.name} is there to be undone",
        hint=f"They are kept in {quarantine_of(system)}.",
    )
