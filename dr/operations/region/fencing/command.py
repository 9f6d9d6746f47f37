"""Fence by the operator's own command: a power switch, a firewall, a cloud's own tool."""

from __future__ import annotations

import shlex

from dr.configuration.model import System
from dr.operations.region.sites import Site
from dr.pipeline.process import run
from dr.policy.promotion import FenceTried
from dr.postgres.connection import display_name

VARIABLE = "DR_FENCE"
ADDRESS = "DR_FENCE_ADDRESS"
DEADLINE_SECONDS = 300.0
_SHOWN = 300


def by_command(system: System, site: Site, other: Site) -> FenceTried | None:
    """Exit status 0 says that the server is fenced; None where no command is configured.

    The command learns which server by ``DR_FENCE`` and its address, without a password, by ``DR_FENCE_ADDRESS``.
    """
    line = system.procedures.region.fence_command
    if not line:
        return None
    words = tuple(shlex.split(line))
    environment = {VARIABLE: str(site.side), ADDRESS: display_name(site.url)}
    ended, output = run("fence", words, environment=environment, deadline_seconds=DEADLINE_SECONDS)
    said = " ".join(f"{output} {ended.stderr}".split())[-_SHOWN:]
    if ended.ok:
        return FenceTried("command", True, f"{words[0]} ended with status 0" + (f": {said}" if said else ""))
    return FenceTried("command", False, f"{ended}" if ended.status < 0 else f"exit status {ended.status}: {said}")
