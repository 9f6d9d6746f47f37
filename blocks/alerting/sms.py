"""The section ``sms``, as a form."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, HttpUrl, SecretStr

from blocks.components.form import ComponentForm
from blocks.secret_field import secret


class SmsChannel(ComponentForm):
    """The Twilio account that sends text messages, and to whom.

    Example:
        Load what is stored:
        ```python
        from blocks import SmsChannel

        sms = SmsChannel.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "SMS Channel"
    _block_type_slug: ClassVar[str] = "sms-channel"
    _description: ClassVar[str] = "The Twilio account that sends text messages, and to whom."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://www.twilio.com/docs/messaging/api/message-resource")
    kind: ClassVar[str] = "sms"

    account_sid: str = Field(default="", title="Account SID", description="Account of Twilio.")
    auth_token: SecretStr = secret(
        "Auth token", "Auth token of that account. Kept by Prefect; a reference is preferred."
    )
    sender: str = Field(
        default="", title="Sender", description="Number or messaging service (MG...) that messages come from."
    )
    to: list[str] = Field(default=[], title="Recipients", description="Numbers of who is on call, such as +15550101.")
    url: str = Field(default="https://api.twilio.com", title="Address", description="Address of Twilio's API.")
