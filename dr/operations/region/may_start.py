"""May the server of this host come up in charge? To be asked by whatever starts it (ExecStartPre), before it does.

A server that comes back after its region was given up knows nothing of that. Its own data directory says which timeline
it is on, and the stores say whether another was promoted beyond that.
"""

from __future__ import annotations

from dr.configuration.model import System
from dr.errors import NotFenced, StoreUnavailable
from dr.operations.check_source import bin_directories
from dr.operations.region.claim import claimant
from dr.operations.region.sites import Site
from dr.operations.region.witnesses import ask_witnesses, witness_stores
from dr.postgres.connection import display_name
from dr.postgres.control_data import control_data
from dr.postgres.installations import server_for
from dr.postgres.standby import major_of


def may_start(system: System, site: Site) -> str:
    """Why it may. Raises ``NotFenced`` when another server was promoted, ``StoreUnavailable`` when nobody can tell."""
    directory = site.require_directory("its timeline is read from there")
    if (directory / "standby.signal").exists():
        return f"{directory} comes up as a standby"
    control = control_data(directory, server_for(major_of(directory), bin_directories(system)))
    timeline = int(control["Latest checkpoint's TimeLineID"])
    witnesses = ask_witnesses(system)
    _, count = witness_stores(system)
    answering = [item for item in witnesses if item.answers]
    newer = [item for item in answering if item.timeline > timeline]
    other = claimant(system, timeline + 1, display_name(site.url))
    if newer or other:
        seen = [f"store {item.store} has WAL of timeline {item.timeline}" for item in newer]
        seen += [f"timeline {timeline + 1} belongs to {other}"] if other else []
        raise NotFenced(
            f"{directory} is on timeline {timeline}, and another server was promoted: it must not come up in charge",
            "; ".join(seen),
            "Make it a replica: dr failback --prepare. What only it has is listed and kept.",
        )
    if len(answering) < count:
        raise StoreUnavailable(
            f"{len(answering)} of {count} stores say whether another server was promoted",
            "; ".join(str(item) for item in witnesses if not item.answers),
            "Mend the way to the stores. Starting it all the same is a decision for a person.",
        )
    return f"no store knows of a timeline beyond {timeline}"
