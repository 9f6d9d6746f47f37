"""The section ``pagerduty``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, HttpUrl, SecretStr

from blocks.components.form import ComponentForm
from blocks.secret_field import secret


class PagerDutyChannel(ComponentForm):
    """The integration of PagerDuty that pages who is on call.

    Example:
        Load what is stored:
        ```python
        from blocks import PagerDutyChannel

        pagerduty = PagerDutyChannel.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "PagerDuty Channel"
    _block_type_slug: ClassVar[str] = "pagerduty-channel"
    _description: ClassVar[str] = "The integration of PagerDuty that pages who is on call."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl(
        "https://developer.pagerduty.com/docs/events-api-v2-overview"
    )
    kind: ClassVar[str] = "pagerduty"

    routing_key: SecretStr = secret(
        "Integration key", "Integration key of a PagerDuty service. Kept by Prefect; a reference is preferred."
    )
    url: str = Field(
        default="https://events.pagerduty.com", title="Address", description="Address of the Events API; https only."
    )
    ca_file: str = Field(
        default="",
        title="Authorities",
        description="File with the authorities to trust; the system's own when not given.",
    )
