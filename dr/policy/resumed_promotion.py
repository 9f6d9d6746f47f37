"""Does what the servers say fit the journal of a change of the server in charge that was cut off? Pure.

Between the attempts somebody may have changed it in another way. To go on then would lead everybody to a server that is
not in charge any more.
"""

from __future__ import annotations

from dr.policy.promotion import Sight


def misfit_of_failover(leader: Sight, successor: Sight, *, before: Sight, promoting: bool, promoted: int) -> str:
    """Why a failover cannot go on behind its fence; empty when it can.

    ``before`` is the successor as it was when the leader was fenced, ``promoted`` the timeline that it was promoted to,
    0 for not yet; ``promoting``: that was begun.
    """
    if promoted:
        return _not_on(successor, promoted) or _beyond(leader, promoted)
    return _not_waiting(successor, before.timeline, promoting=promoting) or _beyond(leader, before.timeline + 1)


def misfit_of_return(second: Sight, first: Sight, *, handing: bool, handed: int, promoting: bool, promoted: int) -> str:
    """The same for a way back behind the first steps. ``handed``: the timeline on which the second was shut down."""
    if promoted:
        return _not_on(first, promoted) or _in_charge(second)
    if handed:
        return _not_waiting(first, handed, promoting=promoting) or _in_charge(second)
    if not handing and not second.leads:
        return f"nothing was handed over yet, and {second}"
    return _in_charge(first)


def _not_waiting(server: Sight, timeline: int, *, promoting: bool) -> str:
    """Unless it is the standby that it was, or what the attempt that was cut off has made of it."""
    if not server.answers:
        return ""  # it is asked again before it is promoted
    if server.in_charge:
        mine = promoting and server.timeline > timeline
        return "" if mine else f"it was to be promoted from timeline {timeline} on, and {server}"
    return "" if server.timeline == timeline else f"it was a standby on timeline {timeline}, and {server}"


def _not_on(server: Sight, timeline: int) -> str:
    """Unless it is in charge on that timeline."""
    fits = server.leads and server.timeline == timeline
    return "" if fits else f"it was promoted to timeline {timeline}, and {server}"


def _beyond(server: Sight, timeline: int) -> str:
    return str(server) if server.leads and server.timeline >= timeline else ""


def _in_charge(server: Sight) -> str:
    return str(server) if server.leads else ""
