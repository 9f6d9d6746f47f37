"""The drill before: what the last one of the same scenario has measured, by the incidents that this host keeps."""

from __future__ import annotations

from dr.configuration.model import System
from dr.evidence.incident import Measured
from dr.evidence.quarterly import Earlier
from dr.operations.incident.find import incidents
from dr.policy.objectives import Scenario

DRILLED = "(drill)"
"""Ends the name under which a drill has measured itself; what the recovery within it has measured has another."""


def earlier_drill(system: System, scenario: Scenario) -> Earlier | None:
    """The newest one that came to its figures; None where there was none."""
    for one in incidents(system):
        if not one.opened.drill:
            continue
        measured = [
            entry
            for entry in one.entries
            if isinstance(entry, Measured) and entry.scenario == scenario and entry.recovered.endswith(DRILLED)
        ]
        if measured:
            return Earlier(measured[-1].at, measured[-1].rto_seconds, measured[-1].rpo_seconds)
    return None
