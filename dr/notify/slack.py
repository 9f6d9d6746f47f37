"""Slack: a bot that answers in the thread of its first message, or incoming webhooks that cannot."""

from __future__ import annotations

import json
from typing import Any

from dr.configuration.alerting.slack import SlackSettings
from dr.errors import NotDelivered, Undeliverable
from dr.notify import wording
from dr.notify.answers import refused, silent
from dr.notify.protocol import PATIENCE_SECONDS, Notice, Receipt
from dr.policy.alert import Grade, Turn
from dr.secret import Secret

_SIGNS = {Turn.RESOLVE: ":white_check_mark:", Turn.ACKNOWLEDGE: ":eyes:"}
_LATER = ("ratelimited", "service_unavailable", "internal_error", "fatal_error", "request_timeout")


class Slack:
    """Two conversations, by grade. ``settings`` has a bot's token, or a webhook for each."""

    name = "slack"

    def __init__(self, settings: SlackSettings) -> None:
        self._settings = settings

    @property
    def place(self) -> str:
        return f"{self._settings.critical_channel} and {self._settings.warning_channel}"

    def deliver(self, notice: Notice) -> Receipt:
        critical = notice.alert.grade is Grade.CRITICAL
        channel = self._settings.critical_channel if critical else self._settings.warning_channel
        if self._settings.bot_token is not None:
            return self._by_bot(self._settings.bot_token, channel, notice)
        webhook = self._settings.critical_webhook if critical else self._settings.warning_webhook
        if webhook is None:
            raise Undeliverable(
                f"slack: there is no way to {channel}",
                hint=f"Give slack.{notice.alert.grade}_webhook, or slack.bot_token.",
            )
        return self._by_webhook(webhook, channel, notice)

    def _by_bot(self, token: Secret, channel: str, notice: Notice) -> Receipt:
        from slack_sdk import WebClient
        from slack_sdk.errors import SlackApiError

        client = WebClient(
            token.reveal(), base_url=_with_slash(self._settings.url), timeout=int(PATIENCE_SECONDS), retry_handlers=[]
        )
        where, _, stamp = notice.thread.partition(" ")
        try:
            answer = client.chat_postMessage(
                channel=where or channel,
                text=wording.title(notice),
                blocks=_blocks(notice),
                thread_ts=stamp or None,
                # What is new in a thread that is over, or grave again, is wanted in the conversation itself.
                reply_broadcast=bool(stamp) and notice.turn is Turn.RESOLVE,
                unfurl_links=False,
            )
        except SlackApiError as error:
            raise _refusal(channel, error) from None
        except Exception as error:  # noqa: BLE001 - urllib's, ssl's and json's errors alike mean: not delivered
            raise silent(self.name, channel, f"{type(error).__name__}: {error}") from None
        stamp = stamp or str(answer.get("ts") or "")
        return Receipt(self.name, str(answer.get("ts") or ""), f"{answer.get('channel') or channel} {stamp}")

    def _by_webhook(self, webhook: Secret, channel: str, notice: Notice) -> Receipt:
        from slack_sdk.webhook import WebhookClient

        client = WebhookClient(webhook.reveal(), timeout=int(PATIENCE_SECONDS), retry_handlers=[])
        try:
            answer = client.send(text=wording.title(notice), blocks=_blocks(notice))
        except Exception as error:  # noqa: BLE001 - as above; the address itself is a secret and may be in the text
            raise silent(self.name, channel, type(error).__name__) from None
        if answer.status_code != 200 or answer.body.strip() != "ok":
            if answer.status_code == 200:
                raise silent(self.name, channel, "its answer is not Slack's")
            raise refused(self.name, channel, answer.status_code, answer.body)
        return Receipt(self.name, "ok")


def _blocks(notice: Notice) -> list[dict[str, Any]]:
    sign = _SIGNS.get(notice.turn) or (":rotating_light:" if wording.is_urgent(notice) else ":warning:")
    head, *rest = wording.lines(notice)
    blocks = [_section(f"{sign} *{_escaped(head)}*")]
    if facts := [line for line in rest if not line.startswith("Run: ")]:
        blocks.append(_section("\n".join(map(_escaped, facts))))
    if command := [line.removeprefix("Run: ") for line in rest if line.startswith("Run: ")]:
        blocks.append(_section(f"```{_escaped(command[0])}```"))
    return blocks


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:2900]}}


def _escaped(text: str) -> str:
    """Slack takes ``<...>`` for links and mentions: ``<!channel>`` in a name would wake everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _refusal(channel: str, error: Any) -> NotDelivered | Undeliverable:
    answer = error.response
    status = int(getattr(answer, "status_code", 0) or 0)
    said = str(answer.get("error") if hasattr(answer, "get") else answer)
    if status >= 400:
        return refused("slack", channel, status, said)
    if said in _LATER or "non-JSON" in said:  # a proxy's page, not Slack's answer
        return silent("slack", channel, said)
    return Undeliverable(
        f"slack refuses the message for {channel}",
        detail=json.dumps(said),
        hint="Invite the bot to the channel and give it chat:write; `dr alert test` tries it.",
    )


def _with_slash(url: str) -> str:
    return url if url.endswith("/") else url + "/"
