"""The section ``erasure``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import HttpUrl

from blocks.components.form import ComponentForm


class Erasure(ComponentForm):
    """People who asked to be forgotten, and how they are erased after a restore.

    Example:
        Load what is stored:
        ```python
        from blocks import Erasure

        erasure = Erasure.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Erasure"
    _block_type_slug: ClassVar[str] = "erasure"
    _description: ClassVar[str] = "People who asked to be forgotten, and how they are erased after a restore."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://gdpr-info.eu/art-17-gdpr/")
    kind: ClassVar[str] = "erasure"
