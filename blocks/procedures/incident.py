"""The section ``incident``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import HttpUrl

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
