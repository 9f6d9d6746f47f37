"""The section ``alerts``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, HttpUrl

from blocks.components.form import ComponentForm


class AlertRouting(ComponentForm):
    """Who is told what, when, and what follows when nobody answers.

    Example:
        Load what is stored:
        ```python
        from blocks import AlertRouting

        alerts = AlertRouting.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Alert Routing"
    _block_type_slug: ClassVar[str] = "alert-routing"
    _description: ClassVar[str] = "Who is told what, when, and what follows when nobody answers."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://sre.google/sre-book/being-on-call/")
    kind: ClassVar[str] = "alerts"

    critical: list[str] = Field(
        default=["pagerduty", "slack", "sms", "mail", "webhook", "teams"],
        title="Critical",
        description="Channels for what is critical, in order.",
    )
    warning: list[str] = Field(
        default=["slack", "mail", "jira", "webhook", "teams"],
        title="Warning",
        description="Channels for warnings, in order.",
    )
    quiet_hours: str = Field(
        default="",
        title="Quiet hours",
        description="When warnings wait for the morning, such as 22:00-07:00; never what is critical.",
    )
    timezone: str = Field(default="UTC", title="Timezone", description="Time zone of quiet_hours.")
    escalation: list[str] = Field(
        default=["slack", "sms", "contacts", "bridge"],
        title="Escalation",
        description="What is used in turn while a critical alert is not acknowledged: channels, contacts (each of the"
        " incident's call list), bridge (all of them at once).",
    )
    escalation_minutes: float = Field(
        default=10.0, gt=0, title="Escalation minutes", description="How long each step of an escalation waits."
    )
    repeat_hours: int = Field(
        default=4, ge=1, title="Repeat hours", description="Hours after which an alert that goes on is told again."
    )
