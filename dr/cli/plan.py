"""A recovery's plan, shown before anybody is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dr.cli.output import plain
from dr.cli.session import Session

if TYPE_CHECKING:
    from dr.policy.recovery_plan import RecoveryPlan


def as_plan(found: object) -> RecoveryPlan:
    """What a dry run has come back with. Raises TypeError when that is no plan."""
    from dr.policy.recovery_plan import RecoveryPlan

    if not isinstance(found, RecoveryPlan):
        raise TypeError(f"a dry run came back with a {type(found).__name__}")
    return found


def show_plan(session: Session, plan: RecoveryPlan, *, aside: bool) -> None:
    """The plan as the answer, or ``aside``, where the answer is a document and somebody may be asked."""
    session.output.document["plan"] = plain(plan)
    for line in plan.lines():
        (session.output.note if aside else session.output.say)(line)
