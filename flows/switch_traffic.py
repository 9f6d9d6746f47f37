"""Lead requests to another side, back again, or let them stay there for good: plan, show, ask, switch."""

from __future__ import annotations

from dr.policy.traffic_side import Destination
from dr.traffic.protocol import Change, Switched
from tasks.approval import approved
from tasks.evidence import keep
from tasks.runner import flow
from tasks.traffic import plan_for, require_agreed, settle, show_plan, show_switched, switch


@flow(name="switch-traffic", flow_run_name="switch-traffic-{system}", when_done=keep)
def switch_traffic(
    system: str = "",
    to: Destination = Destination.PRIMARY,
    dry_run: bool = False,
    confirm_name: str = "",
    agreed: str = "",
) -> tuple[Change, ...] | tuple[Switched, ...]:
    """Switch load balancer, names and caches, and nothing else.

    Args:
        system: Name of the protected system (its ProtectedSystem block); empty for the only one.
        to: primary, standby or recovered; back undoes the last switch of this host; settled keeps everything where it
            leads, with the time to live of normal times.
        dry_run: Show what would be done, and stop.
        confirm_name: The system's name, typed. Empty: a form asks for it.
        agreed: Digest of the plan that was agreed to beforehand; another one is refused.
    """
    changes = plan_for(system, to)
    show_plan(changes)
    require_agreed(changes, agreed)
    if dry_run or not any(change.needed for change in changes):
        return changes
    plan = "\n".join(f"* {change.described()}" for change in changes)
    approved(system, f"lead requests: {to.value}", plan, typed=confirm_name)
    switched = (settle if to is Destination.SETTLED else switch)(system, changes)
    show_switched(switched)
    return switched
