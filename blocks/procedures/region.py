"""The section ``region``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import HttpUrl

from blocks.components.form import ComponentForm


class SecondRegion(ComponentForm):
    """The replica elsewhere, and how the first region is fenced.

    Example:
        Load what is stored:
        ```python
        from blocks import SecondRegion

        region = SecondRegion.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Second Region"
    _block_type_slug: ClassVar[str] = "second-region"
    _description: ClassVar[str] = "The replica elsewhere, and how the first region is fenced."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://www.postgresql.org/docs/current/warm-standby.html")
    kind: ClassVar[str] = "region"
