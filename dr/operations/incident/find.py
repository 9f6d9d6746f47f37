"""The incidents that this host knows of, and the one that is meant."""

from __future__ import annotations

from pathlib import Path

from dr.configuration.model import System
from dr.errors import BackupNotFound, DrError
from dr.evidence import incident_log
from dr.evidence.incident import Incident

_HINT = "dr incident list shows those of this host; dr incident open begins one."


def directory_of(system: System) -> Path:
    """Where this host keeps a system's incidents, each in a directory by its id."""
    return system.state_directory / "incidents" / system.name


def incidents(system: System) -> tuple[Incident, ...]:
    """Those of this host, the newest first. One that cannot be read is left out; ``find_incident`` says why."""
    found = []
    for directory in _directories(system):
        try:
            one = incident_log.read(directory)
        except DrError:
            continue
        if one is not None:
            found.append(one)
    # Ids name the second; two of one second are told apart by their first entry.
    return tuple(sorted(found, key=lambda one: one.opened.at, reverse=True))


def open_incident(system: System, drill: bool | None = None) -> Incident | None:
    """The newest one that nobody closed; ``drill``: of those that are one, or are none."""
    still = (one for one in incidents(system) if one.closed is None)
    return next((one for one in still if drill is None or one.opened.drill == drill), None)


def find_incident(system: System, wanted: str = "") -> Incident:
    """The incident by its id or the beginning of it; empty: the open one, else the newest.

    Raises ``BackupNotFound`` when there is none or several fit, ``BackupInvalid`` when it cannot be read.
    """
    if not wanted:
        found = open_incident(system) or next(iter(incidents(system)), None)
        if found is None:
            raise BackupNotFound(f"this host knows of no incident of {system.name}", hint=_HINT)
        return found
    fitting = [directory for directory in _directories(system) if directory.name.startswith(wanted)]
    if len(fitting) != 1:
        named = ", ".join(directory.name for directory in fitting)
        raise BackupNotFound(f"no single incident of {system.name} is {wanted}", detail=named, hint=_HINT)
    one = incident_log.read(fitting[0])
    if one is None:
        raise BackupNotFound(f"nothing is left of incident {fitting[0].name}", hint=_HINT)
    return one


def _directories(system: System) -> list[Path]:
    return sorted((file.parent for file in directory_of(system).glob(f"*/{incident_log.FILE}")), reverse=True)
