"""Asking before something is destroyed: by the name that was typed, by a form in Prefect's UI, or by AUTO_CONFIRM.

Called from a flow's own body, before the first step that changes anything: a refusal then means that nothing was
touched. The waiting is a step of the record, so that nobody takes it for slowness of the recovery.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from dr.evidence.approvals import NOTHING, Approval, Asked, How, account, approval_of, check_name
from tasks import record
from tasks.incident import note_approval
from tasks.runner import ask_person, publish_table
from tasks.systems import load_system

logger = logging.getLogger(__name__)

__all__ = ["NOTHING", "approved"]


def approved(system: str, what: str, plan: str, *, typed: str = "") -> Approval:
    """Consent to ``what``, or ``TargetRefused``: rejected, another name, timed out, or nobody to ask.

    ``plan`` is Markdown, shown where people are asked. ``typed`` is the system's name as somebody typed it for this run
    (``dr.cli.consent``, a run's form); empty: Prefect's runner asks and waits ``incident.approval_minutes``.
    """
    settings = load_system(system, require_postgres=False)
    asked = Asked(settings.name, what, plan)
    with record.attempting("wait for approval", 1):
        given = _obtain(asked, typed, settings.auto_confirm, settings.procedures.incident.approval_minutes)
    logger.info("%s: approved by %s at %s (%s)", what, given.by, f"{given.at:%Y-%m-%d %H:%M:%S}Z", given.how)
    publish_table("approval", [_row(what, given)], "Who agreed, when and how")
    note_approval(what, given)
    return given


def _obtain(asked: Asked, typed: str, auto: bool, minutes: float) -> Approval:
    if typed:
        check_name(asked, typed, account())
        return Approval(account(), datetime.now(UTC), How.TYPED)
    if auto:
        return Approval(account(), datetime.now(UTC), How.AUTOMATION, "AUTO_CONFIRM is set")
    reply = ask_person(asked, minutes * 60)
    return approval_of(asked, reply, datetime.now(UTC))


def _row(what: str, given: Approval) -> dict[str, str]:
    return {
        "what": what,
        "by": given.by,
        "at (UTC)": f"{given.at:%Y-%m-%d %H:%M:%S}",
        "how": str(given.how),
        "reason": given.reason,
    }
