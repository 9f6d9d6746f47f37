"""Open an incident, or join the one that is open: everything that is done until it is closed belongs to it."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dr.configuration.model import System
from dr.errors import BackupInvalid
from dr.evidence import incident_log
from dr.evidence.incident import AnyEntry, Incident, Note, Opened
from dr.operations.incident.find import directory_of, open_incident
from dr.operations.measure_loss import last_position
from dr.operations.wal.status import read_status
from dr.policy.incident_severity import usual_severity
from dr.policy.objectives import Scenario

FORGOTTEN = timedelta(days=7)
"""An open incident in which nothing was written for so long is another one's: it is left alone."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The incident, and whether it was there before."""

    incident: Incident
    joined: bool


def open_or_join(
    system: System,
    scenario: Scenario,
    text: str,
    *,
    by: str,
    severity: str = "",
    disaster_at: datetime | None = None,
    drill: bool = False,
) -> Joined:
    """The open incident of this system on this host, or a new one. ``severity`` empty: the scenario's usual one.

    A drill joins no disaster, and no disaster a drill that was left open. ``disaster_at`` is noted also on joining.
    Raises ``StoreFull`` or ``ConfigurationError`` when it cannot be written here.
    """
    with incident_log.alone(directory_of(system)):
        now = datetime.now(UTC)
        there = open_incident(system, drill)
        if there is not None and now - there.entries[-1].at < FORGOTTEN:
            return Joined(_told_when(system, there, now, by, disaster_at), True)
        opened = Opened(
            now,
            by,
            system=system.name,
            id=incident_log.new_id(now),
            severity=severity or str(usual_severity(scenario)),
            scenario=str(scenario),
            text=text,
            host=socket.gethostname(),
            disaster_at=disaster_at,
            drill=drill,
            last=last_position(system),
            received_lsn=_received(system),
        )
        write_entry(system, opened.id, opened)
        entries: tuple[AnyEntry, ...] = (opened,)
        if there is not None:
            left = Note(now, by, f"incident {there.id} was never closed; nothing was written into it for days")
            write_entry(system, opened.id, left)
            entries = (opened, left)
        return Joined(Incident(entries), False)


def write_entry(system: System, incident: str, entry: AnyEntry) -> None:
    """Write one entry into an incident of this host, synced."""
    incident_log.append(directory_of(system) / incident, entry)


def _told_when(system: System, there: Incident, now: datetime, by: str, disaster_at: datetime | None) -> Incident:
    known = {there.opened.disaster_at, *(note.disaster_at for note in there.of(Note))}
    if disaster_at is None or disaster_at in known:
        return there
    said = Note(now, by, f"it happened at {disaster_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC", disaster_at)
    write_entry(system, there.id, said)
    return Incident((*there.entries, said))


def _received(system: System) -> str:
    try:
        status = read_status(system)
    except BackupInvalid:
        return ""
    return str(status.received_lsn) if status is not None and status.received_lsn is not None else ""
