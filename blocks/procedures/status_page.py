"""The section ``status_page``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, HttpUrl, SecretStr

from blocks.components.form import ComponentForm
from blocks.secret_field import secret


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

    url: str = Field(
        default="https://api.statuspage.io/v1",
        title="API",
        description="Address of the page's API: Atlassian Statuspage's, or of what speaks it.",
    )
    page: str = Field(default="", title="Page", description="Id of the page. Empty: nobody is told.")
    token: SecretStr = secret("API key", holds="an API key that may write incidents on the page")
    components: list[str] = Field(
        default=[], title="Components", description="Ids of the page's components that an incident concerns."
    )
    announce: list[str] = Field(
        default=[],
        title="Announce",
        description="Alerts that users are told of, and the only words that they read: RULE | TITLE | TEXT for each.",
    )
    notify: bool = Field(default=True, title="Send mail", description="The page sends mail to those who follow it.")
