"""How long a change took, and how long it is not seen everywhere: both count in the recovery time."""

from __future__ import annotations

import time

from dr.evidence.phases import Phase
from dr.traffic.protocol import Change, Switched


def in_force(change: Change, begin: float, detail: str = "") -> Switched:
    """A change that took from ``begin`` (monotonic) until now."""
    end = time.monotonic()
    later = change.before.seconds if change.needed else 0.0
    phases = [Phase(f"switch {change.switch}: {change.name}", begin, end)]
    if later:
        phases.append(Phase(f"wait for old answers: {change.name}", end, end + later, note="in advance"))
    return Switched(change, round(end - begin, 6), later, tuple(phases), detail)
