"""The forms of how people are told, one file per section."""

from blocks.alerting.alerts import AlertRouting
from blocks.alerting.jira import JiraChannel
from blocks.alerting.mail import MailChannel
from blocks.alerting.pagerduty import PagerDutyChannel
from blocks.alerting.pings import OutsideWatcher
from blocks.alerting.schedules import ExpectedSchedules
from blocks.alerting.slack import SlackChannel
from blocks.alerting.sms import SmsChannel
from blocks.alerting.teams import TeamsChannel
from blocks.components.form import ComponentForm

ALERTING_FORMS: tuple[type[ComponentForm], ...] = (
    AlertRouting,
    PagerDutyChannel,
    SlackChannel,
    SmsChannel,
    MailChannel,
    JiraChannel,
    TeamsChannel,
    OutsideWatcher,
    ExpectedSchedules,
)

__all__ = [
    "ALERTING_FORMS",
    "AlertRouting",
    "ExpectedSchedules",
    "JiraChannel",
    "MailChannel",
    "OutsideWatcher",
    "PagerDutyChannel",
    "SlackChannel",
    "SmsChannel",
    "TeamsChannel",
]
