"""The section ``incident``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, HttpUrl

from blocks.components.form import ComponentForm


class IncidentRules(ComponentForm):
    """Who is told of an incident, and what its record holds.

    Example:
        Load what is stored:
        ```python
        from blocks import IncidentRules

        incident = IncidentRules.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Incident Rules"
    _block_type_slug: ClassVar[str] = "incident-rules"
    _description: ClassVar[str] = "Who is told of an incident, and what its record holds."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://docs.prefect.io/v3/concepts/blocks")
    kind: ClassVar[str] = "incident"

    contacts: list[str] = Field(
        default=[],
        title="Contacts",
        description="In the order of calling, each as ROLE | FIRST PERSON | SECOND PERSON | PHONE | MAIL.",
    )
    vendors: list[str] = Field(
        default=[], title="Vendors' support", description="Each as SERVICE | CONTACT | | PHONE | PORTAL."
    )
    bridge: str = Field(default="", title="Bridge", description="Where people meet: a conference number, a channel.")
    status_page: str = Field(default="", title="Status page", description="Where users read how it is.")
    template: str = Field(
        default="", title="Report's template", description="File on the worker. Empty: the template that we bring."
    )
    approval_minutes: float = Field(
        default=60.0,
        gt=0,
        title="Wait for approval, minutes",
        description="How long a run waits for its form. When it is over, nothing has been touched.",
    )
