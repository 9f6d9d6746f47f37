"""PagerDuty, by its Events API: somebody is paged, and sees one incident per alert, which closes when it is over."""

from __future__ import annotations

import ssl
from typing import Any

from dr.configuration.alerting.pagerduty import PagerDutySettings
from dr.errors import NotDelivered, Undeliverable
from dr.notify import wording
from dr.notify.answers import refused, silent
from dr.notify.protocol import PATIENCE_SECONDS, Notice, Receipt
from dr.policy.alert import Turn
from dr.secret import Secret

_SUMMARY = 1024
"""PagerDuty refuses a longer one."""


class PagerDuty:
    """One integration. The alert's key is PagerDuty's deduplication key."""

    name = "pagerduty"
    place = "the on-call engineer"

    def __init__(self, settings: PagerDutySettings, routing_key: Secret) -> None:
        self._settings = settings
        self._routing_key = routing_key

    def deliver(self, notice: Notice) -> Receipt:
        key = notice.thread or notice.alert.key
        try:
            with self._client() as client:
                given = _said(client, notice, key)
        except Exception as error:  # noqa: BLE001 - its transport's errors have no common root of their own
            raise self._error(error) from None
        return Receipt(self.name, given, given)

    def _client(self) -> Any:
        from pagerduty import EventsApiV2Client

        trusted = ssl.create_default_context(cafile=self._settings.ca_file or None)
        client = EventsApiV2Client(self._routing_key.reveal(), base_url=self._settings.url, verify=trusted)
        client.timeout = int(PATIENCE_SECONDS)
        # Trying again is not this channel's business, and the client would do so without end when it is throttled.
        client.max_network_attempts = 0
        client.retry = {429: 1}
        client.sleep_timer = 0
        return client

    def _error(self, error: Exception) -> NotDelivered | Undeliverable:
        answer = getattr(error, "response", None)
        if answer is not None and not answer.is_success:
            return refused(self.name, self.place, answer.status_code, answer.text)
        reason = error.__cause__ or error
        return silent(
            self.name, self.place, f"{type(reason).__name__}: {reason}".replace(self._routing_key.reveal(), "…")
        )


def _said(client: Any, notice: Notice, key: str) -> str:
    if notice.turn is Turn.RESOLVE:
        return str(client.resolve(key))
    if notice.turn is Turn.ACKNOWLEDGE:
        return str(client.acknowledge(key))
    return str(
        client.trigger(
            wording.title(notice)[:_SUMMARY],
            notice.alert.system,
            dedup_key=key,
            severity=str(notice.alert.grade),
            custom_details=_details(notice),
        )
    )


def _details(notice: Notice) -> dict[str, str]:
    alert = notice.alert
    found = {"since": f"{alert.since:%Y-%m-%d %H:%M:%S} UTC"} if alert.since else {}
    found |= {"at risk": alert.risk, "run": alert.command} | dict(alert.facts)
    found |= {"also": "; ".join(notice.also)} if notice.also else {}
    return {name: value for name, value in found.items() if value}
