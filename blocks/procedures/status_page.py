"""The section ``status_page``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, HttpUrl, SecretStr

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

    url: str = Field(
        default="https://api.statuspage.io/v1",
        title="API",
        description="Address of the page's API: Atlassian Statuspage's, or of what speaks it.",
    )
    page: str = Field(default="", title="Page", description="Id of the page. Empty: nobody is told.")
    token_env: str = Field(
        default="",
        title="API key: environment variable",
        description="Name of the environment variable, on the worker, that holds an API key that may write"
        " incidents on the page. Preferred.",
    )
    token_file: str = Field(
        default="",
        title="API key: file",
        description="Absolute path, on the worker, of a file that holds an API key that may write incidents on"
        " the page.",
    )
    token: SecretStr = Field(
        default=SecretStr(""),
        title="API key itself",
        description="Kept in Prefect's database, where whoever may call its API can read it; a reference is preferred.",
    )
    components: list[str] = Field(
        default=[], title="Components", description="Ids of the page's components that an incident concerns."
    )
    announce: list[str] = Field(
        default=[],
        title="Announce",
        description="Alerts that users are told of, and the only words that they read: RULE | TITLE | TEXT for each.",
    )
    notify: bool = Field(default=True, title="Send mail", description="The page sends mail to those who follow it.")
