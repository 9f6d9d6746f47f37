"""Settings of the channel ``sms``."""

from __future__ import annotations

from dataclasses import dataclass

from dr.configuration import parsers
from dr.configuration.components.declared import given
from dr.secret import Secret


@dataclass(frozen=True, slots=True)
class SmsSettings:
    """Text messages by Twilio, to each of ``to``."""

    account_sid: str = given(parsers.text, "account of Twilio", "")
    auth_token: Secret | None = given(parsers.secret, "auth token of that account")
    sender: str = given(parsers.text, "number or messaging service (MG...) that messages come from", "")
    to: tuple[str, ...] = given(parsers.words, "numbers of who is on call, such as +15550101", ())
    url: str = given(parsers.address, "address of Twilio's API", "https://api.twilio.com")
