"""The form in Prefect's UI: the run pauses, shows the plan, and waits for somebody who approves or rejects.

Paused, not suspended: a suspended run begins anew in another process. What comes in is checked by us again: Prefect
only looks whether the fields are filled in. Prefect knows no users, so the name is what somebody says of himself.
"""

from __future__ import annotations

import logging
from typing import Literal, cast

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.context import FlowRunContext
from prefect.exceptions import FlowPauseTimeout, PrefectException
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from prefect.states import Failed
from pydantic import Field

from dr.configuration.masking import mask_url
from dr.errors import TargetRefused
from dr.evidence.approvals import NOTHING, Asked, Reply
from tasks.fences import IN_A_FORM, folded
from tasks.run import sortable_id

_POLL_SECONDS = 2

logger = logging.getLogger(__name__)


class Approve(RunInput):
    """What the form asks. Nothing that has to be typed is filled in beforehand."""

    approver: str = Field(min_length=2, title="Your name", description="Kept as evidence of who approved.")
    system: str = Field(min_length=1, title="Type the system's name", description="Exactly as the plan shows it.")
    decision: Literal["reject", "approve"] = Field(
        default="reject", title="Decision", description="Until it is approved nothing is touched."
    )
    reason: str = Field(default="", title="Reason", description="A ticket, an incident, or a sentence.")


def ask_person(asked: Asked, seconds: float) -> Reply:
    """Pause this run until its form is answered. Raises ``TargetRefused`` when nobody does within ``seconds``."""
    from datetime import UTC, datetime

    logger.warning("%s waits for approval: open this run in Prefect's UI; its menu (⋮) has Resume", asked.what)
    form = Approve.with_initial_data(description=_shown(asked, seconds / 60))
    # A key of its own for each question: by the same key a second one would be answered with the first one's reply.
    key = f"approval-{sortable_id(datetime.now(UTC))[-12:]}"
    try:
        given = pause_flow_run(
            wait_for_input=form, timeout=max(1, round(seconds)), poll_interval=_POLL_SECONDS, key=key
        )
    except FlowPauseTimeout:
        refusal = TargetRefused(
            f"{asked.what}: nobody approved within {seconds / 60:g} minutes",
            detail=NOTHING,
            hint="Run it again when somebody can answer; incident.approval_minutes is how long it waits.",
        )
        _tell_why(refusal)
        raise refusal from None
    except (httpx.HTTPError, PrefectException, OSError, RuntimeError, ValueError) as error:
        raise TargetRefused(
            f"{asked.what}: nobody could be asked through Prefect",
            detail=f"{type(error).__name__}: {mask_url(str(error))}; {NOTHING}",
            hint="Run it from the command line: it asks on the terminal, and needs no server.",
        ) from error
    return Reply(by=given.approver, system=given.system, agreed=given.decision == "approve", reason=given.reason)


def _tell_why(refusal: TargetRefused) -> None:
    """Have the run end in our words: of a run that waited for too long the server says nothing but `never resumed`."""
    context = FlowRunContext.get()
    if context is not None and context.flow_run is not None:
        client = cast("SyncPrefectClient", context.client)
        client.set_flow_run_state(context.flow_run.id, Failed(message=str(refusal)), force=True)


def _shown(asked: Asked, minutes: float) -> str:
    """Whoever has not scrolled sees the beginning alone: the fields stand below a plan that may be long."""
    return mask_url(
        f"## {asked.what}\n\nSystem **{asked.system}**\n\n"
        "Nothing has been touched yet. Read the plan; **below it** you say who you are and decide. "
        f"Reject, another system's name, or no answer within {minutes:g} minutes: nothing will be.\n\n"
        f"{folded(asked.plan, IN_A_FORM)}"
    )
