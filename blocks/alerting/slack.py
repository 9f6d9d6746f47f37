"""The section ``slack``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, HttpUrl, SecretStr

from blocks.components.form import ComponentForm
from blocks.secret_field import secret


class SlackChannel(ComponentForm):
    """The bot or the webhooks by which Slack is told.

    Example:
        Load what is stored:
        ```python
        from blocks import SlackChannel

        slack = SlackChannel.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Slack Channel"
    _block_type_slug: ClassVar[str] = "slack-channel"
    _description: ClassVar[str] = "The bot or the webhooks by which Slack is told."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://docs.slack.dev/messaging/")
    kind: ClassVar[str] = "slack"

    bot_token: SecretStr = secret(
        "Bot token", "Token of a Slack bot that may chat:write. Kept by Prefect; a reference is preferred."
    )
    critical_channel: str = Field(
        default="#critical-alerts", title="Critical channel", description="Where the bot says what is critical."
    )
    warning_channel: str = Field(
        default="#alerts", title="Warning channel", description="Where the bot says what is a warning."
    )
    critical_webhook: SecretStr = secret(
        "Critical webhook",
        "Webhook of the conversation for what is critical. Kept by Prefect; a reference is preferred.",
    )
    warning_webhook: SecretStr = secret(
        "Warning webhook",
        "Incoming webhook of the conversation for warnings. Kept by Prefect; a reference is preferred.",
    )
    url: str = Field(default="https://slack.com/api/", title="Address", description="Address of Slack's Web API.")
