"""Microsoft Teams, by a workflow that posts an adaptive card."""

from __future__ import annotations

from typing import Any

from dr.notify import wording
from dr.notify.answers import client, require_success
from dr.notify.protocol import Notice, Receipt
from dr.policy.alert import Turn
from dr.secret import Secret

_ACCEPTED = "accepted by the workflow"


class Teams:
    """One workflow. It answers that it took the request; whether it posts is not in the answer."""

    name = "teams"
    place = "a Teams channel"

    def __init__(self, webhook: Secret) -> None:
        self._webhook = webhook

    def deliver(self, notice: Notice) -> Receipt:
        with client(self.name, self.place) as http:
            answer = http.post(self._webhook.reveal(), json=_card(notice))
            require_success(self.name, self.place, answer)
        return Receipt(self.name, answer.headers.get("x-ms-workflow-run-id", _ACCEPTED))


def _card(notice: Notice) -> dict[str, Any]:
    head, *rest = wording.lines(notice)
    urgent = wording.is_urgent(notice)
    colour = "good" if notice.turn is Turn.RESOLVE else "attention" if urgent else "warning"
    body: list[dict[str, Any]] = [
        {"type": "TextBlock", "text": _plain(head), "weight": "bolder", "color": colour, "wrap": True}
    ]
    body += [
        {
            "type": "TextBlock",
            "text": _plain(line),
            "wrap": True,
            **({"fontType": "monospace"} if line.startswith("Run: ") else {}),
        }
        for line in rest
    ]
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    return {
        "type": "message",
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": content}],
    }


def _plain(text: str) -> str:
    """A text block takes Markdown: what is in names must stay as it is."""
    return text.translate({ord(sign): f"\\{sign}" for sign in "*_[]`"})
