"""Close an incident: nothing is added to it any more, and the next disaster opens another."""

from __future__ import annotations

from datetime import UTC, datetime

from dr.configuration.model import System
from dr.errors import ConfigurationError
from dr.evidence import incident_log
from dr.evidence.incident import Closed, Incident
from dr.operations.incident.find import directory_of, find_incident
from dr.operations.incident.open import write_entry


def close_incident(system: System, incident: str, *, by: str, text: str) -> Incident:
    """The incident as it is kept from now on. Raises ``ConfigurationError`` when it is closed already."""
    with incident_log.alone(directory_of(system)):
        found = find_incident(system, incident)
        if found.closed is not None:
            raise ConfigurationError(
                f"incident {found.id} was closed by {found.closed.by} at {found.closed.at:%Y-%m-%d %H:%M:%S}Z",
                hint="dr incident open begins another.",
            )
        closing = Closed(datetime.now(UTC), by, text)
        write_entry(system, found.id, closing)
    return Incident((*found.entries, closing))
