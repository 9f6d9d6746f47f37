"""What a simulated disaster will do, before it does anything."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dr.configuration.file import find_file
from dr.configuration.model import System
from dr.configuration.procedures.recovery import RecoverySettings
from dr.errors import ConfigurationError, TargetRefused
from dr.evidence.approvals import NOTHING
from dr.operations.application.parts import application_order
from dr.operations.simulate.apart import refuse_what_is_others
from dr.operations.simulate.permission import require_test_system
from dr.operations.simulate.quarantine import quarantine_of
from dr.policy.objectives import Scenario
from dr.services.registry import order

RECOVER = {
    Scenario.DATABASE_CORRUPTION: "dr recover-db --in-place",
    Scenario.APPLICATION_FAILURE: "dr recover-app",
    Scenario.FULL_SYSTEM_FAILURE: "dr full-recovery",
    Scenario.DATA_CENTER_OUTAGE: "dr failover",
}
UNDO = "dr simulate-disaster --undo"


@dataclass(frozen=True, slots=True)
class SimulationPlan:
    """``kill`` are services, in the order in which they die; ``take`` is moved into the quarantine. ``corrupt``:
    pages of the database's largest table are overwritten.
    """

    system: str
    system_identifier: str
    database: str
    scenario: Scenario
    kill: tuple[str, ...]
    take: tuple[str, ...]
    corrupt: bool
    quarantine: str

    def lines(self) -> tuple[str, ...]:
        """For people."""
        return (
            f"system      {self.system} (database {self.database}, cluster {self.system_identifier})",
            f"disaster    {self.scenario}",
            *((f"kill        {', '.join(self.kill)}",) if self.kill else ()),
            *(("overwrite   pages of its largest table, on disk",) if self.corrupt else ()),
            *(f"take away   {path}" for path in self.take),
            f"quarantine  {self.quarantine}",
            f"recover     {RECOVER[self.scenario]}",
            f"undo        {UNDO}",
        )


def plan_simulation(system: System, scenario: Scenario, others: Iterable[System]) -> SimulationPlan:
    """The plan. Raises ``TargetRefused`` when the system may not be broken, or something else would go with it."""
    others = tuple(others)
    permitted = require_test_system(system, others)
    corrupt = scenario is Scenario.DATABASE_CORRUPTION
    kill = _to_kill(system, scenario)
    take = tuple(to_take(system, scenario))
    recovery = system.procedures.recovery
    if corrupt and (recovery.data_directory is None or recovery.database_service is None):
        raise ConfigurationError(
            f"it is not configured where the data of {system.name} lies, or what runs its database",
            hint="Set recovery.data_directory and recovery.database_service: pages are overwritten while it is down.",
        )
    if not corrupt and not kill and not take:
        raise ConfigurationError(
            f"{system.name} has nothing that {scenario} could take",
            hint="Declare services, recovery.data_directory, files.directories or simulation.paths.",
        )
    _refuse_what_is_needed(system, take, outage=scenario is Scenario.DATA_CENTER_OUTAGE)
    stopped, touched = (kill, take) if not corrupt else ((recovery.database_service,), (recovery.data_directory,))
    refuse_what_is_others(system, filter(None, stopped), filter(None, touched), others)
    return SimulationPlan(
        system=system.name,
        system_identifier=permitted.system_identifier,
        database=permitted.database,
        scenario=scenario,
        kill=kill,
        take=tuple(str(path) for path in take),
        corrupt=corrupt,
        quarantine=str(quarantine_of(system)),
    )


def _to_kill(system: System, scenario: Scenario) -> tuple[str, ...]:
    everything = tuple(name for layer in reversed(order(system)) for name in layer)
    if scenario is Scenario.DATABASE_CORRUPTION:
        return ()
    if scenario is Scenario.APPLICATION_FAILURE:
        application = {name for layer in application_order(system) for name in layer}
        return tuple(name for name in everything if name in application)
    wanted = system.procedures.simulation.region_services
    if scenario is Scenario.FULL_SYSTEM_FAILURE or not wanted:
        return everything
    if unknown := sorted(set(wanted) - set(everything)):
        raise ConfigurationError(
            f"simulation.region_services names what is no service: {', '.join(unknown)}",
            hint=f"There are: {', '.join(everything) or 'none'}.",
        )
    return tuple(name for name in everything if name in wanted)


def to_take(system: System, scenario: Scenario) -> Iterator[Path]:
    """What is there of it now, whole, each path once; nothing that lies within another one."""
    if scenario not in (Scenario.FULL_SYSTEM_FAILURE, Scenario.DATA_CENTER_OUTAGE):
        return
    candidates = _of_the_region(system) if scenario is Scenario.DATA_CENTER_OUTAGE else _of_all(system)
    there = list(dict.fromkeys(path for path in candidates if path.exists() or path.is_symlink()))
    yield from (path for path in there if not any(other in path.parents for other in there))


def _of_all(system: System) -> Iterator[Path]:
    recovery = system.procedures.recovery
    yield from _database(recovery)
    if recovery.redis_directory is not None:
        yield recovery.redis_directory
    yield from system.components.files.directories
    yield from system.components.config.paths
    yield from system.components.config.environment_files
    yield from system.procedures.simulation.paths


def _of_the_region(system: System) -> Iterator[Path]:
    """All that there is; or, where the region's services are named, their data and what is named besides: uploads that
    both regions have do not go with one of them.
    """
    recovery, simulation = system.procedures.recovery, system.procedures.simulation
    if not simulation.region_services:
        yield from _of_all(system)
    if recovery.database_service in simulation.region_services:
        yield from _database(recovery)
    if recovery.redis_directory is not None and recovery.redis_service in simulation.region_services:
        yield recovery.redis_directory
    yield from simulation.region_paths


def _database(recovery: RecoverySettings) -> Iterator[Path]:
    if recovery.data_directory is not None:
        yield recovery.data_directory
        yield from tablespaces(recovery.data_directory)


def tablespaces(data_directory: Path) -> tuple[Path, ...]:
    """The directories that a data directory's tablespaces lie in."""
    links = data_directory / "pg_tblspc"
    return tuple(sorted(link.resolve() for link in links.iterdir() if link.is_symlink())) if links.is_dir() else ()


def _refuse_what_is_needed(system: System, take: Iterable[Path], *, outage: bool) -> None:
    """What recovers, and what this program runs by, stays. A mount point cannot be moved."""
    needed = [
        (system.state_directory, "the state directory of this program"),
        (quarantine_of(system), "the quarantine itself"),
        (Path(sys.prefix), "this program"),
        *((file.absolute(), "the configuration") for file in (find_file(None, os.environ),) if file is not None),
        (Path.home(), "a home directory"),
        *((place, "the key ring") for place in (system.encryption.gnupg_home,) if place is not None),
        *((place, "the secret key") for place in (system.encryption.secret_key_file,) if place is not None),
        *(
            (store.path, f"store {store.name}")
            for store in system.stores
            if store.path is not None and not (outage and _is_given_up(system, store.path))
        ),
    ]
    reasons = []
    for path in take:
        real = path.resolve()
        reasons += [f"{path} holds {what} ({place})" for place, what in needed if _holds(real, place.resolve())]
        if len(real.parts) < 3:
            reasons.append(f"{path} is a directory of the system")
        if path.is_mount():
            reasons.append(f"{path} is a mount point and cannot be moved")
    if reasons:
        raise TargetRefused(
            "the disaster would take away what nobody means to lose",
            detail=f"{'; '.join(reasons)}; {NOTHING}",
            hint="Let the settings name smaller directories; a mount point's content can be named instead.",
        )


def _is_given_up(system: System, place: Path) -> bool:
    return any(_holds(path.resolve(), place.resolve()) for path in system.procedures.simulation.region_paths)


def _holds(directory: Path, place: Path) -> bool:
    return directory == place or directory in place.parents
