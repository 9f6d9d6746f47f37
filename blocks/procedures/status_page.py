"""The section ``status_page``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import HttpUrl

from blocks.components.form import ComponentForm


class StatusPage(ComponentForm):
    """Where users read how the product is.

    Example:
        Load what is stored:
        ```python
        from blocks import StatusPage

        status_page = StatusPage.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Status Page"
    _block_type_slug: ClassVar[str] = "status-page"
    _description: ClassVar[str] = "Where users read how the product is."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://docs.prefect.io/v3/concepts/blocks")
    kind: ClassVar[str] = "status_page"
