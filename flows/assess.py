"""How is it, how bad, and what now: what ``dr assess`` shows, as a run that anybody can start and look at."""

from __future__ import annotations

from dr.operations.assess import Assessment
from tasks.assess import look, show
from tasks.runner import flow


@flow(name="assess", flow_run_name="assess-{system}")
def assess(system: str = "", seconds: float = 9.0) -> Assessment:
    """See how everything of one protected system is; changes nothing.

    Args:
        system: Name of the protected system (its ProtectedSystem block); empty for the only one.
        seconds: How long it may take; what has not answered by then is told as late.
    """
    found = look(system, seconds)
    show(found)
    return found
