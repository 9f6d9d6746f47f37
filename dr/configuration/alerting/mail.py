"""Settings of the channel ``mail``."""

from __future__ import annotations

from dataclasses import dataclass

from dr.configuration import parsers
from dr.configuration.components.declared import given
from dr.secret import Secret


@dataclass(frozen=True, slots=True)
class MailSettings:
    """The SMTP server that takes our mail, and who gets it. ``notifications.emails`` get what names nobody else."""

    server: str = given(
        parsers.text, "SMTP server, as HOST or HOST:PORT (587 for starttls, 465 for tls, 25 for none)", ""
    )
    security: str = given(
        parsers.choice("starttls", "tls", "none"), "how the connection is encrypted; none only on this host", "starttls"
    )
    ca_file: str = given(parsers.text, "file with the authorities to trust; the system's own when not given", "")
    user: str = given(parsers.text, "name to log in with; empty for no login", "")
    password: Secret | None = given(parsers.secret, "password to log in with")
    sender: str = given(parsers.text, "address that mail comes from", "")
    critical_to: tuple[str, ...] = given(parsers.words, "who gets mail of what is critical", ())
    warning_to: tuple[str, ...] = given(parsers.words, "who gets mail of warnings", ())
