"""The section ``mail``, as a form."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, HttpUrl, SecretStr

from blocks.components.form import ComponentForm
from blocks.secret_field import secret


class MailChannel(ComponentForm):
    """The SMTP server that takes mail, and who gets it.

    Example:
        Load what is stored:
        ```python
        from blocks import MailChannel

        mail = MailChannel.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Mail Channel"
    _block_type_slug: ClassVar[str] = "mail-channel"
    _description: ClassVar[str] = "The SMTP server that takes mail, and who gets it."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://www.rfc-editor.org/rfc/rfc5321")
    kind: ClassVar[str] = "mail"

    server: str = Field(
        default="",
        title="Server",
        description="SMTP server, as HOST or HOST:PORT (587 for starttls, 465 for tls, 25 for none).",
    )
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", title="Security", description="How the connection is encrypted; none only on this host."
    )
    ca_file: str = Field(
        default="",
        title="Authorities",
        description="File with the authorities to trust; the system's own when not given.",
    )
    user: str = Field(default="", title="User", description="Name to log in with; empty for no login.")
    password: SecretStr = secret("Password", "Password to log in with. Kept by Prefect; a reference is preferred.")
    sender: str = Field(default="", title="Sender", description="Address that mail comes from.")
    critical_to: list[str] = Field(default=[], title="Critical to", description="Who gets mail of what is critical.")
    warning_to: list[str] = Field(default=[], title="Warning to", description="Who gets mail of warnings.")
