"""The section ``recovery``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import HttpUrl

from blocks.components.form import ComponentForm


class RecoveryPlace(ComponentForm):
    """Where a recovery puts what it brings back.

    Example:
        Load what is stored:
        ```python
        from blocks import RecoveryPlace

        recovery = RecoveryPlace.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Recovery Place"
    _block_type_slug: ClassVar[str] = "recovery-place"
    _description: ClassVar[str] = "Where a recovery puts what it brings back."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://docs.prefect.io/v3/concepts/blocks")
    kind: ClassVar[str] = "recovery"
