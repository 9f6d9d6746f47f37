"""What makes one recovery point of database and components, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, HttpUrl

from blocks.components.form import ComponentForm


class RecoveryPointRules(ComponentForm):
    """What belongs together in a recovery point: how close its parts must lie, and what is compared.

    Example:
        Load stored rules:
        ```python
        from blocks import RecoveryPointRules

        rules = RecoveryPointRules.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Recovery Point Rules"
    _block_type_slug: ClassVar[str] = "recovery-point-rules"
    _description: ClassVar[str] = "How close the parts of a recovery point must lie, and what is compared."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://csrc.nist.gov/pubs/sp/800/34/r1/upd1/final")
    kind: ClassVar[str] = "point"

    references: str = Field(
        default="",
        title="References",
        description="Absolute path of a file with a SELECT of the paths that rows name, to be looked for among the"
        " uploads.",
    )
    apart_minutes: int = Field(
        default=15, ge=1, title="Apart, minutes", description="How far the parts of one recovery point may lie apart."
    )
    wait_seconds: int = Field(
        default=60,
        ge=1,
        title="Wait, seconds",
        description="How long to wait until the WAL of a recovery point is stored.",
    )
