"""Any receiver of HTTP: one JSON document per notice, with a ``text`` that Slack, Mattermost and their like show."""

from __future__ import annotations

from typing import Any

from dr.notify import wording
from dr.notify.answers import client, require_success
from dr.notify.protocol import Notice, Receipt
from dr.secret import Secret

_NAMED = ("x-request-id", "x-message-id", "x-amzn-requestid")


class Webhook:
    """``NOTIFICATION_WEBHOOK``, or with ``short`` texts the one for ``ALERT_SMS_WEBHOOK``."""

    def __init__(self, url: Secret, name: str = "webhook", *, short: bool = False) -> None:
        self.name = name
        self._url = url
        self._short = short

    @property
    def place(self) -> str:
        return "the SMS webhook" if self._short else "the webhook"

    def deliver(self, notice: Notice) -> Receipt:
        with client(self.name, self.place) as http:
            answer = http.post(self._url.reveal(), json=_document(notice, short=self._short))
            require_success(self.name, self.place, answer)
        named = next((answer.headers[name] for name in _NAMED if name in answer.headers), "")
        return Receipt(self.name, named or f"HTTP {answer.status_code}", notice.alert.key)


def _document(notice: Notice, *, short: bool) -> dict[str, Any]:
    alert = notice.alert
    return {
        "text": wording.short(notice) if short else wording.text(notice),
        "key": alert.key,
        "turn": str(notice.turn),
        "severity": str(alert.grade),
        "system": alert.system,
        "rule": alert.rule,
        "subject": alert.subject,
        "summary": alert.summary,
        "since": alert.since.isoformat() if alert.since else None,
        "at": notice.at.isoformat(),
        "risk": alert.risk,
        "command": alert.command,
        "facts": dict(alert.facts),
        "count": notice.count,
    }
