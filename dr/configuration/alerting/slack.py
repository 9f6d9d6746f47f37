"""Settings of the channel ``slack``."""

from __future__ import annotations

from dataclasses import dataclass

from dr.configuration import parsers
from dr.configuration.components.declared import given
from dr.secret import Secret


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """A bot that may write to two conversations, or an incoming webhook for each. The bot can answer in threads."""

    bot_token: Secret | None = given(parsers.secret, "token of a Slack bot that may chat:write")
    critical_channel: str = given(parsers.text, "where the bot says what is critical", "#critical-alerts")
    warning_channel: str = given(parsers.text, "where the bot says what is a warning", "#alerts")
    critical_webhook: Secret | None = given(
        parsers.secret, "incoming webhook of the conversation for what is critical", check=parsers.check_address
    )
    warning_webhook: Secret | None = given(
        parsers.secret, "incoming webhook of the conversation for warnings", check=parsers.check_address
    )
    url: str = given(parsers.address, "address of Slack's Web API", "https://slack.com/api/")
