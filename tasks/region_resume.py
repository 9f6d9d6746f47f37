"""Going on with a failover or a return that was cut off: only where the servers are as the journal says."""

from __future__ import annotations

from dr.errors import TargetRefused
from dr.policy.resumed_promotion import misfit_of_failover, misfit_of_return
from tasks.course import Course
from tasks.region import check_standby, fence_first, hand_over, look_at_both, look_back, promote_first, promote_second

FENCE, REPLAY, PROMOTE_SECOND = "fence the first region", "replay what the stores have", "promote the second region"
HAND_OVER, PROMOTE_FIRST = "hand over", "promote the first region"
KEEP_OUT = "keep the old server out"


def second_took_over(system: str, steps: Course) -> bool:
    """Whether an earlier run has promoted the second region: what comes before that is not done again then.

    Raises ``TargetRefused`` where the servers do not fit the journal.
    """
    fenced, took = steps.earlier(FENCE, fence_first), steps.earlier(PROMOTE_SECOND, promote_second)
    if not steps.journal.resumed:
        return False
    seen = look_at_both(system)
    if fenced is None:
        check_standby(seen)
        return False
    promoting = steps.journal.was_begun(PROMOTE_SECOND)
    promoted = took.timeline if took is not None else 0
    _require(
        steps,
        misfit_of_failover(
            seen.leader, seen.successor, before=fenced.successor, promoting=promoting, promoted=promoted
        ),
    )
    return took is not None or seen.successor.in_charge


def first_took_over(system: str, steps: Course) -> bool:
    """The same for the way back."""
    handed, took = steps.earlier(HAND_OVER, hand_over), steps.earlier(PROMOTE_FIRST, promote_first)
    if not steps.journal.is_done(KEEP_OUT):
        return False
    seen = look_back(system)
    _require(
        steps,
        misfit_of_return(
            seen.leader,
            seen.successor,
            handing=steps.journal.was_begun(HAND_OVER),
            handed=handed.fenced.successor.timeline if handed is not None else 0,
            promoting=steps.journal.was_begun(PROMOTE_FIRST),
            promoted=took.timeline if took is not None else 0,
        ),
    )
    return took is not None or seen.successor.in_charge


def _require(steps: Course, misfit: str) -> None:
    if misfit:
        raise TargetRefused(
            f"the servers are not as {steps.journal.name} has left them",
            f"{misfit}; nothing was touched",
            "Somebody has changed it in another way since. --anew closes that journal and begins from what there is.",
        )
