"""The section ``pagerduty``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, HttpUrl, SecretStr

from blocks.components.form import ComponentForm


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

    routing_key_env: str = Field(
        default="",
        title="Integration key: environment variable",
        description="Name of the environment variable, on the worker, that holds it. Preferred.",
    )
    routing_key_file: str = Field(
        default="", title="Integration key: file", description="Absolute path, on the worker, of a file that holds it."
    )
    routing_key: SecretStr = Field(
        default=SecretStr(""),
        title="Integration key itself",
        description="Integration key of a PagerDuty service. Kept by Prefect; a reference is preferred.",
    )
    url: str = Field(
        default="https://events.pagerduty.com", title="Address", description="Address of the Events API; https only."
    )
    ca_file: str = Field(
        default="",
        title="Authorities",
        description="File with the authorities to trust; the system's own when not given.",
    )
