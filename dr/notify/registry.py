"""The channels that a system has: those whose settings are there."""

from __future__ import annotations

from dr.configuration.model import System
from dr.notify.jira import Jira
from dr.notify.mail import Mail
from dr.notify.pagerduty import PagerDuty
from dr.notify.protocol import Channel
from dr.notify.public import StatusPage
from dr.notify.slack import Slack
from dr.notify.sms import Sms
from dr.notify.teams import Teams
from dr.notify.webhook import Webhook


def channels(system: System) -> dict[str, Channel]:
    """By the names that routing uses."""
    alerting, told = system.alerting, system.notifications
    found: list[Channel] = []
    if alerting.pagerduty.routing_key is not None:
        found.append(PagerDuty(alerting.pagerduty, alerting.pagerduty.routing_key))
    slack = alerting.slack
    if slack.bot_token is not None or slack.critical_webhook is not None or slack.warning_webhook is not None:
        found.append(Slack(slack))
    if alerting.sms.auth_token is not None:
        found.append(Sms(alerting.sms, alerting.sms.auth_token))
    elif told.sms_webhook is not None:
        found.append(Webhook(told.sms_webhook, "sms", short=True))
    if alerting.mail.server:
        found.append(Mail(alerting.mail, told.emails))
    if alerting.jira.token is not None:
        found.append(Jira(alerting.jira, alerting.jira.token))
    if alerting.teams.webhook is not None:
        found.append(Teams(alerting.teams.webhook))
    if told.webhook is not None:
        found.append(Webhook(told.webhook))
    return {channel.name: channel for channel in found}


def public_channels(system: System) -> dict[str, Channel]:
    """Those that users read: neither tested nor used for another, and for ``status_page.announce`` alone."""
    settings = system.procedures.status_page
    found: list[Channel] = [StatusPage(system)] if settings.page and settings.announce else []
    return {channel.name: channel for channel in found}
