"""Mail by SMTP. Accepted by the server is not read by a person: that is why mail is never the only channel."""

from __future__ import annotations

import hashlib
import secrets
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from dr.configuration.alerting.mail import MailSettings
from dr.errors import NotDelivered, Undeliverable
from dr.notify import wording
from dr.notify.answers import silent
from dr.notify.protocol import PATIENCE_SECONDS, Notice, Receipt
from dr.policy.alert import Grade

_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_PERMANENT = 500
_WHOLE = SMTP.clone(max_line_length=998)
"""A header is one line: a reference that is folded or encoded belongs to no thread in some programs."""


class Mail:
    """One server. ``everybody`` gets what the settings of a grade name nobody for."""

    name = "mail"

    def __init__(self, settings: MailSettings, everybody: tuple[str, ...] = ()) -> None:
        self._settings = settings
        self._everybody = everybody

    @property
    def place(self) -> str:
        return ", ".join(dict.fromkeys((*self._to(Grade.CRITICAL), *self._to(Grade.WARNING))))

    def deliver(self, notice: Notice) -> Receipt:
        return self.deliver_to(self._to(notice.alert.grade), notice)

    def deliver_to(self, to: tuple[str, ...], notice: Notice) -> Receipt:
        """The same to other people: the next contact of an escalation."""
        if not to:
            raise Undeliverable(
                "mail: nobody is named",
                hint=f"Give mail.{notice.alert.grade}_to, or notifications.emails (ALERT_EMAIL).",
            )
        message = self._message(notice, to)
        try:
            with self._server() as server:
                missed = server.send_message(message)
        except smtplib.SMTPResponseException as error:
            raise self._refusal(", ".join(to), error.smtp_code, error.smtp_error) from None
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            raise self._refusal(", ".join(error.recipients), code, said) from None
        except (smtplib.SMTPException, OSError, ssl.SSLError) as error:
            raise silent(self.name, ", ".join(to), f"{type(error).__name__}: {error}") from None
        identifier = str(message["Message-ID"])
        told = f" not {', '.join(missed)}" if missed else ""
        return Receipt(self.name, identifier + told, notice.thread or identifier)

    def _to(self, grade: Grade) -> tuple[str, ...]:
        named = self._settings.critical_to if grade is Grade.CRITICAL else self._settings.warning_to
        return named or self._everybody

    def _message(self, notice: Notice, to: tuple[str, ...]) -> EmailMessage:
        message = EmailMessage(_WHOLE)
        # A header takes no line breaks, whatever a name in it holds.
        message["Subject"] = " ".join(wording.title(notice).split())
        message["From"] = self._settings.sender or f"dr@{self._host}"
        message["To"] = ", ".join(to)
        message["Date"] = format_datetime(notice.at)
        alert = hashlib.sha256(notice.alert.key.encode()).hexdigest()[:12]
        message["Message-ID"] = f"<{alert}.{secrets.token_hex(8)}@{self._domain}>"
        if notice.thread:
            message["In-Reply-To"] = message["References"] = notice.thread
        if wording.is_urgent(notice):
            message["Importance"], message["X-Priority"] = "high", "1"
        message["Auto-Submitted"] = "auto-generated"  # so that nobody's holiday answers it
        message.set_content(wording.text(notice) + "\n")
        return message

    @property
    def _host(self) -> str:
        return self._settings.server.rpartition(":")[0] or self._settings.server

    @property
    def _domain(self) -> str:
        return self._settings.sender.rpartition("@")[2].rstrip(">") or "localhost"

    @contextmanager
    def _server(self) -> Iterator[smtplib.SMTP]:
        host, port = _address(self._settings.server, _PORTS[self._settings.security])
        context = ssl.create_default_context(cafile=self._settings.ca_file or None)
        if self._settings.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=PATIENCE_SECONDS, context=context)
        else:
            server = smtplib.SMTP(host, port, timeout=PATIENCE_SECONDS)
        with server:
            if self._settings.security == "starttls":
                server.starttls(context=context)
            if self._settings.user and self._settings.password is not None:
                server.login(self._settings.user, self._settings.password.reveal())
            yield server

    def _refusal(self, to: str, code: int, said: bytes | str) -> NotDelivered | Undeliverable:
        text = said.decode(errors="replace") if isinstance(said, bytes) else said
        if code < _PERMANENT:
            return silent(self.name, to, f"SMTP {code}: {text}")
        return Undeliverable(
            f"mail refuses the message for {to}",
            detail=f"SMTP {code}: {' '.join(text.split())[:300]}",
            hint="Look at the sender (SPF, DKIM, DMARC), the login and the recipients; `dr alert test` tries it.",
        )


def _address(server: str, port: int) -> tuple[str, int]:
    host, colon, given = server.rpartition(":")
    if colon and given.isdigit():
        return host.strip("[]"), int(given)
    return server.strip("[]"), port
