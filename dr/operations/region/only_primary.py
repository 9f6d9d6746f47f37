"""Is the other region in charge? Then no server is put into service here: what two have taken cannot be made one again.

A recovery is not told of a failover that happened before it, or while it restored for hours.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dr.configuration.model import System
from dr.errors import NotFenced
from dr.operations.region.here import is_local
from dr.operations.region.sites import first_region, second_region, sight_of
from dr.policy.promotion import Sight
from dr.postgres.postmaster import started_as

_STANDBY = "standby.signal"
_STARTING_SECONDS = 60.0
"""How long a server may take from its lock file to the moment that it calls its start."""
_BACK = "Make this host's server a replica again (dr failback --prepare); what only it has is listed and kept."
_ELSEWHERE = (
    "If it is right that it is: nothing has to be recovered, and dr failback leads back. If it is the one that must not"
    " be: fence it first, and run this again. To practise beside it: dr full-recovery --exercise."
)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Servers of the regions' addresses that are not the one in question: ``leading`` take writes.

    Of ``silent``, which are on other hosts, it is not known. ``asked``: there are two regions at all.
    """

    leading: tuple[Sight, ...] = ()
    silent: tuple[Sight, ...] = ()
    asked: bool = True

    @property
    def unknown(self) -> tuple[str, ...]:
        """What a person should look at."""
        return tuple(f"whether {item.name} is in charge is not known: {item.detail}" for item in self.silent)

    def lines(self) -> tuple[str, ...]:
        """All of it, for who does nothing against it."""
        return (*(f"{_in_charge(item)}, timeline {item.timeline}" for item in self.leading), *self.unknown)


def look_elsewhere(system: System, data: Path) -> Elsewhere:
    """Ask both regions at once. A server that runs in ``data`` is the one in question; changes nothing."""
    region = system.procedures.region
    if region.primary_url is None or region.standby_url is None:
        return Elsewhere(asked=False)
    sites = (first_region(system), second_region(system))
    with ThreadPoolExecutor(len(sites), thread_name_prefix="region") as pool:
        seen = tuple(pool.map(sight_of, sites))
    return Elsewhere(
        tuple(item for item in seen if item.leads and not _runs_in(item, data)),
        tuple(item for site, item in zip(sites, seen, strict=True) if not item.answers and not is_local(site.url)),
    )


def refuse_beside_primary(system: System, data: Path) -> tuple[str, ...]:
    """For what takes the place of ``data``: raise ``NotFenced`` when another server takes writes, or it is fenced.

    Returns what a person should look at: servers elsewhere that do not answer. Nothing without a second region.
    """
    found = look_elsewhere(system, data)
    if not found.asked:
        return ()
    if (data / _STANDBY).exists():
        raise NotFenced(
            f"{data} is a standby's, or was fenced: it holds {_STANDBY}",
            "what would be put there would be in charge; nothing was touched",
            f"{_BACK} Where no other server is in charge, remove that file and run this again.",
        )
    hint = f"{_BACK} If it is the one that must not be: fence it first, and run this again."
    return require_alone(found, f"and does not run in {data}", "", hint)


def warn_beside_primary(system: System, data: Path) -> tuple[str, ...]:
    """For a copy in ``data`` that nobody puts into service yet: what whoever does must know. Raises nothing."""
    found = look_elsewhere(system, data)
    leading = (f"{_in_charge(item)}: this copy must not be put into service beside it" for item in found.leading)
    return (*leading, *found.unknown)


def require_alone(found: Elsewhere, what: str, state: str, hint: str = _ELSEWHERE) -> tuple[str, ...]:
    """Raise ``NotFenced`` when one is in charge, ``what`` goes on with the sentence; otherwise what is not known.

    ``state`` says what has been done here so far.
    """
    for leader in found.leading:
        told = f"it takes writes on timeline {leader.timeline}; what two have taken cannot be made one again"
        raise NotFenced(f"{_in_charge(leader)}, {what}", "; ".join(part for part in (told, state) if part), hint)
    return found.unknown


def _in_charge(seen: Sight) -> str:
    return f"{seen.name} is in charge"


def _runs_in(seen: Sight, data: Path) -> bool:
    """Paths are the same on both hosts, and numbers of processes other ones in a container: when it began tells too."""
    told = started_as(data)
    if told is None or seen.began is None:
        return False
    directory, began = told
    return directory == seen.directory and -1 <= seen.began.timestamp() - began <= _STARTING_SECONDS
