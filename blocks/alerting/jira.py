"""The section ``jira``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, HttpUrl, SecretStr

from blocks.components.form import ComponentForm
from blocks.secret_field import secret


class JiraChannel(ComponentForm):
    """The Jira project that gets an issue per alert.

    Example:
        Load what is stored:
        ```python
        from blocks import JiraChannel

        jira = JiraChannel.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Jira Channel"
    _block_type_slug: ClassVar[str] = "jira-channel"
    _description: ClassVar[str] = "The Jira project that gets an issue per alert."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl(
        "https://developer.atlassian.com/cloud/jira/platform/rest/v2/"
    )
    kind: ClassVar[str] = "jira"

    url: str = Field(default="", title="Address", description="Address of Jira.")
    user: str = Field(
        default="", title="User", description="Who the token belongs to; empty where it is a personal access token."
    )
    token: SecretStr = secret("Token", "API token or personal access token. Kept by Prefect; a reference is preferred.")
    project: str = Field(default="", title="Project", description="Key of the project that gets the issues.")
    issue_type: str = Field(default="Task", title="Issue type", description="Type of the issues.")
    done: str = Field(
        default="Done", title="Done", description="Transition that closes an issue when its alert is over."
    )
