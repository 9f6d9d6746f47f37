"""The section ``infrastructure``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import HttpUrl

from blocks.components.form import ComponentForm


class Infrastructure(ComponentForm):
    """How machines and networks are made again.

    Example:
        Load what is stored:
        ```python
        from blocks import Infrastructure

        infrastructure = Infrastructure.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Infrastructure"
    _block_type_slug: ClassVar[str] = "infrastructure"
    _description: ClassVar[str] = "How machines and networks are made again."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://developer.hashicorp.com/terraform/cli")
    kind: ClassVar[str] = "infrastructure"
