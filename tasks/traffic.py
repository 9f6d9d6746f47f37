"""Steps of leading requests elsewhere. The plan is a step of its own: it says what there was before.

Each may be done again: what is in force already is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from dr.errors import TargetRefused
from dr.operations import switch_traffic as traffic
from dr.policy.traffic_side import Destination, Side
from dr.traffic.protocol import Change, Switched
from tasks.run import Cell
from tasks.runner import publish_table, task
from tasks.systems import load_system

HOUR = 3600


@task(name="switch the traffic", retries=3, timeout_seconds=2 * HOUR)
def switch(system: str, changes: Sequence[Change]) -> tuple[Switched, ...]:
    """Load balancer, then names, then caches; each in force before the next."""
    return traffic.switch_traffic(load_system(system, require_postgres=False), changes)


@task(name="plan the traffic", retries=2, timeout_seconds=600)
def plan_for(system: str, to: Destination) -> tuple[Change, ...]:
    """What leads requests to a side, back to where they were led before, or lets them stay there for good."""
    settings = load_system(system, require_postgres=False)
    if to is Destination.BACK:
        return traffic.plan_of_going_back(settings)
    if to is Destination.SETTLED:
        return traffic.plan_of_settling(settings)
    return traffic.traffic_plan(settings, Side(to.value))


def require_agreed(changes: Sequence[Change], agreed: str) -> None:
    """Raises ``TargetRefused`` unless ``agreed`` is the digest of these changes, or empty: nobody was asked before."""
    if agreed and traffic.digest_of(changes) != agreed:
        raise TargetRefused(
            "what would be switched is not what was agreed to: something has changed meanwhile",
            "\n".join(change.described() for change in changes) or "there is nothing to switch any more",
            "Nothing was switched. Run it again, look at the plan, and agree to that.",
        )


@task(name="put the times to live back", retries=3, timeout_seconds=HOUR)
def settle(system: str, changes: Sequence[Change]) -> tuple[Switched, ...]:
    """Names stay where they lead, with the time to live of normal times."""
    return traffic.settle_traffic(load_system(system, require_postgres=False), changes)


def show_plan(changes: Sequence[Change]) -> None:
    """As a table of the run."""
    rows: list[dict[str, Cell]] = [
        {
            "what": change.switch,
            "name": change.name,
            "now": change.before.words,
            "then": change.after.words if change.needed else "nothing to do",
            "advice": change.hint,
        }
        for change in changes
    ]
    publish_table("traffic-plan", rows, "Where requests are led, and where they would be")


def show_switched(switched: Sequence[Switched]) -> None:
    """As a table of the run."""
    rows: list[dict[str, Cell]] = [
        {
            "what": one.change.switch,
            "name": one.change.name,
            "leads to": one.change.after.words,
            "seconds": round(one.seconds, 1),
            "seen by everybody after, s": one.everywhere_seconds,
            "detail": one.detail,
        }
        for one in switched
    ]
    publish_table("traffic", rows, "Where requests are led now")
