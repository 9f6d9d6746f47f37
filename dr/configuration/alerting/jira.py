"""Settings of the channel ``jira``."""

from __future__ import annotations

from dataclasses import dataclass

from dr.configuration import parsers
from dr.configuration.components.declared import given
from dr.secret import Secret


@dataclass(frozen=True, slots=True)
class JiraSettings:
    """Where issues are created: with ``user`` and an API token in Jira Cloud, a personal token alone elsewhere."""

    url: str = given(parsers.address, "address of Jira", "")
    user: str = given(parsers.text, "who the token belongs to; empty where it is a personal access token", "")
    token: Secret | None = given(parsers.secret, "API token or personal access token")
    project: str = given(parsers.text, "key of the project that gets the issues", "")
    issue_type: str = given(parsers.text, "type of the issues", "Task")
    done: str = given(parsers.text, "transition that closes an issue when its alert is over", "Done")
