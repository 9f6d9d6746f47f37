"""Is the other region in charge? Then no server is put into service here: what two have taken cannot be made one again.

A recovery in place is not told of a failover that happened before it, or while it restored for hours.
"""

from __future__ import annotations

from pathlib import Path

from dr.configuration.model import System
from dr.errors import DrError, NotFenced
from dr.operations.region.here import is_local
from dr.operations.region.sites import Site, first_region, role_of, second_region
from dr.postgres.postmaster import started_as
from dr.postgres.standby import ServerRole

_STANDBY = "standby.signal"
_STARTING_SECONDS = 60.0
"""How long a server may take from its lock file to the moment that it calls its start."""
_HINT = "Make this host's server a replica again (dr failback --prepare); what only it has is listed and kept."


def refuse_beside_primary(system: System, data: Path) -> tuple[str, ...]:
    """Raise ``NotFenced`` when a region's server takes writes and is not the one in ``data``, or ``data`` is fenced.

    Returns what a person should look at: servers elsewhere that do not answer. Nothing without a second region.
    """
    region = system.procedures.region
    if region.primary_url is None or region.standby_url is None:
        return ()
    if (data / _STANDBY).exists():
        raise NotFenced(
            f"{data} is a standby's, or was fenced: it holds {_STANDBY}",
            "what would be put there would be in charge; nothing was touched",
            f"{_HINT} Where no other server is in charge, remove that file and run this again.",
        )
    unknown = []
    for site in (first_region(system), second_region(system)):
        try:
            role = role_of(site)
        except DrError as error:
            if not is_local(site.url):
                unknown.append(f"whether {site.name} is in charge is not known: {error.message}")
            continue
        if not role.standby and not _runs_in(role, data):
            raise _refusal(site, role, data)
    return tuple(unknown)


def _runs_in(role: ServerRole, data: Path) -> bool:
    """Paths are the same on both hosts, and numbers of processes other ones in a container: when it began tells too."""
    told = started_as(data)
    if told is None:
        return False
    directory, began = told
    return directory == role.directory and -1 <= role.started.timestamp() - began <= _STARTING_SECONDS


def _refusal(site: Site, role: ServerRole, data: Path) -> NotFenced:
    return NotFenced(
        f"{site.name} is in charge, and does not run in {data}",
        f"it takes writes on timeline {role.timeline}; what two have taken cannot be made one again",
        f"{_HINT} If it is the one that must not be: fence it first, and run this again.",
    )
