"""Who Alertmanager tells what: the file ``alertmanager.yml``, by the same channels and grades as our own routing.

Secrets are in files that it names. Channels that Alertmanager does not know (SMS, Jira before its 0.28) are reached by
a webhook: a gateway for short messages, Jira's automation rule "incoming webhook".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

from deployments.prometheus.rule_file import lasting
from dr.configuration.alerting.alerts import AlertsSettings
from dr.configuration.alerting.slack import SlackSettings
from dr.policy.alert import Grade
from dr.policy.alert_routing import SHOWN
from dr.policy.alert_rules import RULES, Rule
from dr.policy.metric import BY_NAME

Document: TypeAlias = dict[str, object]

TITLE = (
    '{{ if eq .Status "firing" }}{{ .CommonLabels.severity | toUpper }}{{ else }}OVER{{ end }} '
    "{{ .CommonLabels.system }} {{ .CommonLabels.alertname }}"
)
TEXT = (
    f"{{{{ range $number, $alert := .Alerts }}}}{{{{ if lt $number {SHOWN} }}}}"
    '{{ .Annotations.summary }} (since {{ .StartsAt.UTC.Format "2006-01-02 15:04" }} UTC)\n'
    "At risk: {{ .Annotations.risk }}\nRun: {{ .Annotations.command }}\n{{ end }}{{ end }}"
    f"{{{{ if gt (len .Alerts) {SHOWN} }}}}{{{{ len .Alerts }}}} in all{{{{ end }}}}"
)
"""A storm is one message that names the first of them."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the channels are, to be replaced by your own.

    ``secrets`` is the directory of the files with secrets, ``ca_file`` holds the authorities of your mail server.
    """

    secrets: str = "/etc/alertmanager/secrets"
    smtp: str = "smtp.example.org:587"
    smtp_user: str = "alertmanager@example.org"
    sender: str = "alertmanager@example.org"
    critical_to: str = "engineering@example.org"
    warning_to: str = "on-call@example.org"
    sms: str = "https://sms-gateway.example.org/send"
    jira: str = "https://api-private.atlassian.com/automation/webhooks/jira/a/YOUR-SITE/YOUR-RULE"
    pagerduty: str = "https://events.pagerduty.com/v2/enqueue"
    ca_file: str = ""


def alertmanager_file(
    addresses: Addresses | None = None,
    alerts: AlertsSettings | None = None,
    rules: Iterable[Rule] = RULES,
    *,
    speed: float = 1.0,
) -> Document:
    """What the file holds. One message for each rule and system, however many things it is about.

    ``speed`` is for tests, which cannot wait for as long.
    """
    here, alerts = addresses or Addresses(), alerts or AlertsSettings()
    password = f"{here.secrets}/smtp_password"
    return {
        "global": {
            "resolve_timeout": "5m",
            "smtp_smarthost": here.smtp,
            "smtp_from": here.sender,
            "smtp_require_tls": True,
            **({"smtp_auth_username": here.smtp_user, "smtp_auth_password_file": password} if here.smtp_user else {}),
            "pagerduty_url": here.pagerduty,
        },
        "route": {
            "receiver": str(Grade.WARNING),
            "group_by": ["system", "alertname"],
            "group_wait": lasting(30, speed),
            "group_interval": lasting(300, speed),
            "repeat_interval": f"{alerts.repeat_hours}h",
            "routes": [
                {"matchers": ['severity="critical"'], "receiver": str(Grade.CRITICAL), "group_wait": lasting(10, speed)}
            ],
        },
        "inhibit_rules": _spoken_for(tuple(rules)),
        "receivers": [
            _receiver(Grade.CRITICAL, alerts.critical, here),
            _receiver(Grade.WARNING, alerts.warning, here),
        ],
    }


def _spoken_for(rules: tuple[Rule, ...]) -> list[Document]:
    """A warning is not told while a critical rule over the same metric says the same, and worse."""
    return [
        {
            "source_matchers": [f'alertname="{worse.name}"'],
            "target_matchers": [f'alertname="{rule.name}"'],
            "equal": list(BY_NAME[rule.metric].labels),
        }
        for worse, rule in product(rules, rules)
        if (worse.grade, rule.grade) == (Grade.CRITICAL, Grade.WARNING)
        and (worse.metric, worse.sign, worse.where) == (rule.metric, rule.sign, rule.where)
    ]


def _receiver(grade: Grade, channels: Iterable[str], here: Addresses) -> Document:
    """The channels that Alertmanager reaches, by kind; two of a kind are in one list."""
    listed: dict[str, list[Document]] = {}
    for channel in channels:
        if channel in _CHANNELS:
            key, make = _CHANNELS[channel]
            listed.setdefault(key, []).append({"send_resolved": True, **make(grade, here)})
    return {"name": str(grade), **listed}


def _pagerduty(grade: Grade, here: Addresses) -> Document:
    return {
        "routing_key_file": f"{here.secrets}/pagerduty_routing_key",
        "severity": str(grade),
        "description": TITLE,
        "details": {"text": TEXT},
    }


def _slack(grade: Grade, here: Addresses) -> Document:
    settings = SlackSettings()
    return {
        "api_url_file": f"{here.secrets}/slack_{grade}_webhook",
        "channel": settings.critical_channel if grade is Grade.CRITICAL else settings.warning_channel,
        "title": TITLE,
        "text": TEXT,
    }


def _mail(grade: Grade, here: Addresses) -> Document:
    return {
        "to": here.critical_to if grade is Grade.CRITICAL else here.warning_to,
        "headers": {"Subject": TITLE},
        "text": TEXT,
        **({"tls_config": {"ca_file": here.ca_file}} if here.ca_file else {}),
    }


def _sms(grade: Grade, here: Addresses) -> Document:
    return _webhook(here.sms, f"{here.secrets}/sms_token")


def _jira(grade: Grade, here: Addresses) -> Document:
    return _webhook(here.jira, f"{here.secrets}/jira_webhook_token")


def _webhook(url: str, token_file: str) -> Document:
    return {
        "url": url,
        "max_alerts": SHOWN,
        "http_config": {"authorization": {"type": "Bearer", "credentials_file": token_file}},
    }


_CHANNELS: dict[str, tuple[str, Callable[[Grade, Addresses], Document]]] = {
    "pagerduty": ("pagerduty_configs", _pagerduty),
    "slack": ("slack_configs", _slack),
    "sms": ("webhook_configs", _sms),
    "mail": ("email_configs", _mail),
    "jira": ("webhook_configs", _jira),
}
