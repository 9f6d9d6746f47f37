"""The section ``teams``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import HttpUrl, SecretStr

from blocks.components.form import ComponentForm
from blocks.secret_field import secret


class TeamsChannel(ComponentForm):
    """The workflow by which Microsoft Teams is told.

    Example:
        Load what is stored:
        ```python
        from blocks import TeamsChannel

        teams = TeamsChannel.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Teams Channel"
    _block_type_slug: ClassVar[str] = "teams-channel"
    _description: ClassVar[str] = "The workflow by which Microsoft Teams is told."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl(
        "https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/"
    )
    kind: ClassVar[str] = "teams"

    webhook: SecretStr = secret(
        "Webhook", "Webhook of a Teams workflow that posts adaptive cards. Kept by Prefect; a reference is preferred."
    )
