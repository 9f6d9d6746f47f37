"""Text messages by Twilio: the last way that works where there is no data network."""

from __future__ import annotations

from typing import Any

from dr.configuration.alerting.sms import SmsSettings
from dr.errors import NotDelivered, Undeliverable
from dr.notify import wording
from dr.notify.answers import refused, silent
from dr.notify.protocol import PATIENCE_SECONDS, Notice, Receipt
from dr.secret import Secret

_REAL = "https://api.twilio.com"
_FAILED = ("failed", "undelivered", "canceled")


class Sms:
    """Every number in ``settings.to`` gets each message."""

    name = "sms"

    def __init__(self, settings: SmsSettings, auth_token: Secret) -> None:
        self._settings = settings
        self._auth_token = auth_token

    @property
    def place(self) -> str:
        return ", ".join(self._settings.to)

    def deliver(self, notice: Notice) -> Receipt:
        """To as many as can be reached; an error only where nobody was, or not all: then it names who was not."""
        return self.deliver_to(self._settings.to, notice)

    def deliver_to(self, numbers: tuple[str, ...], notice: Notice) -> Receipt:
        """The same to other numbers: the next contact of an escalation."""
        taken: list[str] = []
        errors: dict[str, NotDelivered] = {}
        for number in numbers:
            try:
                taken.append(self._send(number, wording.short(notice)))
            except NotDelivered as error:
                errors[number] = error
        if errors and not taken:
            raise next(iter(errors.values()))
        missed = "".join(f" not {number}" for number in errors)
        return Receipt(self.name, ", ".join(taken) + missed)

    def _send(self, number: str, body: str) -> str:
        from twilio.base.exceptions import TwilioException, TwilioRestException

        sender = self._settings.sender
        by = {"messaging_service_sid": sender} if sender.startswith("MG") else {"from_": sender}
        try:
            message = self._client().messages.create(to=number, body=body, **by)
        except TwilioRestException as error:
            raise refused(self.name, number, int(error.status), str(error.msg)) from None
        except (TwilioException, OSError, ValueError, KeyError) as error:
            raise silent(self.name, number, f"{type(error).__name__}: {error}") from None
        if message.sid is None or message.status in _FAILED:
            raise Undeliverable(
                f"sms to {number} failed",
                detail=f"{message.status}: {message.error_message or message.error_code or ''}",
                hint="Look the number up in Twilio's console.",
            )
        return str(message.sid)

    def _client(self) -> Any:
        from twilio.http.http_client import TwilioHttpClient
        from twilio.rest import Client

        client = Client(
            self._settings.account_sid,
            self._auth_token.reveal(),
            http_client=TwilioHttpClient(timeout=PATIENCE_SECONDS, max_retries=0),
        )
        if self._settings.url != _REAL:
            client.api.base_url = self._settings.url
        return client
