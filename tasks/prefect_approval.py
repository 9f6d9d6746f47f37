"""The form in Prefect's UI: the run pauses, shows the plan, and waits for somebody who approves or rejects.

Paused, not suspended: a suspended run begins anew in another process. What comes in is checked by us again: Prefect
only looks whether the fields are filled in. Prefect knows no users, so the name is what somebody says of himself.
"""

from __future__ import annotations

import logging
from typing import Literal

import httpx
from prefect.exceptions import FlowPauseTimeout, PrefectException
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from pydantic import Field

from dr.configuration.masking import mask_url
from dr.errors import TargetRefused
from dr.evidence.approvals import NOTHING, Asked, Reply
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
    form = Approve.with_initial_data(description=_shown(asked))
    # A key of its own for each question: by the same key a second one would be answered with the first one's reply.
    key = f"approval-{sortable_id(datetime.now(UTC))[-12:]}"
    try:
        given = pause_flow_run(
            wait_for_input=form, timeout=max(1, round(seconds)), poll_interval=_POLL_SECONDS, key=key
        )
    except FlowPauseTimeout:
        raise TargetRefused(
            f"{asked.what}: nobody approved within {seconds / 60:g} minutes",
            detail=NOTHING,
            hint="Run it again when somebody can answer; incident.approval_minutes is how long it waits.",
        ) from None
    except (httpx.HTTPError, PrefectException, OSError, RuntimeError, ValueError) as error:
        raise TargetRefused(
            f"{asked.what}: nobody could be asked through Prefect",
            detail=f"{type(error).__name__}: {mask_url(str(error))}; {NOTHING}",
            hint="Run it from the command line: it asks on the terminal, and needs no server.",
        ) from error
    return Reply(by=given.approver, system=given.system, agreed=given.decision == "approve", reason=given.reason)


def _shown(asked: Asked) -> str:
    return mask_url(
        f"## {asked.what}\n\nSystem **{asked.system}**\n\n{asked.plan}\n\n"
        "Nothing has been touched yet. Reject, another name, or no answer in time: nothing will be."
    )
