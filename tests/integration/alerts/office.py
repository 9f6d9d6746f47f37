"""A system with every channel of the guide, and the receivers behind them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dr.configuration.alerting import AlertingSettings
from dr.configuration.alerting.alerts import AlertsSettings
from dr.configuration.alerting.jira import JiraSettings
from dr.configuration.alerting.mail import MailSettings
from dr.configuration.alerting.pagerduty import PagerDutySettings
from dr.configuration.alerting.slack import SlackSettings
from dr.configuration.alerting.sms import SmsSettings
from dr.configuration.model import EncryptionSettings, NotificationSettings, PostgresSettings, System
from dr.policy.alert import Alert, Grade
from dr.secret import Secret
from tests.endpoints.receivers import Receivers

SECRET = f"do-not-tell-{secrets.token_hex(8)}"
CRITICAL = Alert(
    "shop", "backup-overdue", Grade.CRITICAL, "no good backup for 25 h", "dump", command="dr backup --system shop"
)
WARNING = replace(CRITICAL, rule="size-anomaly", grade=Grade.WARNING, summary="odd size")


@dataclass(frozen=True, slots=True)
class Office:
    """A system with every channel of the guide, and the receivers behind them."""

    system: System
    post: Receivers

    def heard(self, provider: str) -> list[dict[str, Any]]:
        """What one was sent; of Jira only the issues."""
        entries = self.post.received(provider)
        return [e for e in entries if provider != "jira" or (e["method"] == "POST" and e["path"].endswith("/issue"))]

    def counts(self) -> dict[str, int]:
        return {name: len(self.heard(name)) for name in ("pagerduty", "slack", "sms", "mail", "jira", "webhook")}

    def with_alerts(self, **changes: object) -> Office:
        alerting = replace(self.system.alerting, alerts=AlertsSettings(**changes))  # type: ignore[arg-type]
        return replace(self, system=replace(self.system, alerting=alerting))


def office_at(running: Receivers, directory: Path) -> Office:
    """Its state lies in that directory."""
    alerting = AlertingSettings(
        pagerduty=PagerDutySettings(routing_key=Secret(SECRET), url=running.https, ca_file=str(running.ca_file)),
        slack=SlackSettings(bot_token=Secret(SECRET), url=f"{running.url}/api/"),
        sms=SmsSettings("AC1", Secret(SECRET), "+15550100", ("+15550101",), running.url),
        mail=MailSettings(server=running.smtp, ca_file=str(running.ca_file), sender="dr@example.org"),
        jira=JiraSettings(running.url, "dr@example.org", Secret(SECRET), "OPS"),
    )
    system = System(
        name="shop",
        postgres=PostgresSettings(Secret("postgresql:///shop")),
        stores=(),
        encryption=EncryptionSettings(passphrase=Secret(SECRET)),
        alerting=alerting,
        notifications=NotificationSettings(emails=("team@example.org",)),
        state_directory=directory / "state",
    )
    return Office(system, running)
