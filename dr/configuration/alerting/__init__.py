"""The settings of the channels by which people are told, and of who is told what: one file per section."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dr.configuration.alerting.alerts import AlertsSettings
from dr.configuration.alerting.jira import JiraSettings
from dr.configuration.alerting.mail import MailSettings
from dr.configuration.alerting.pagerduty import PagerDutySettings
from dr.configuration.alerting.pings import PingsSettings
from dr.configuration.alerting.schedules import SchedulesSettings
from dr.configuration.alerting.slack import SlackSettings
from dr.configuration.alerting.sms import SmsSettings
from dr.configuration.alerting.teams import TeamsSettings
from dr.configuration.components.declared import built

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["ALERTING_CLASSES", "AlertingSettings", "build_alerting"]


@dataclass(frozen=True, slots=True)
class AlertingSettings:
    """How people are told. A channel whose settings are empty is not used."""

    alerts: AlertsSettings = dataclasses.field(default_factory=AlertsSettings)
    pagerduty: PagerDutySettings = dataclasses.field(default_factory=PagerDutySettings)
    slack: SlackSettings = dataclasses.field(default_factory=SlackSettings)
    sms: SmsSettings = dataclasses.field(default_factory=SmsSettings)
    mail: MailSettings = dataclasses.field(default_factory=MailSettings)
    jira: JiraSettings = dataclasses.field(default_factory=JiraSettings)
    teams: TeamsSettings = dataclasses.field(default_factory=TeamsSettings)
    pings: PingsSettings = dataclasses.field(default_factory=PingsSettings)
    schedules: SchedulesSettings = dataclasses.field(default_factory=SchedulesSettings)


ALERTING_CLASSES: tuple[tuple[str, type[DataclassInstance]], ...] = (
    ("alerts", AlertsSettings),
    ("pagerduty", PagerDutySettings),
    ("slack", SlackSettings),
    ("sms", SmsSettings),
    ("mail", MailSettings),
    ("jira", JiraSettings),
    ("teams", TeamsSettings),
    ("pings", PingsSettings),
    ("schedules", SchedulesSettings),
)


def build_alerting(value_of: Callable[[str], object]) -> AlertingSettings:
    """All of them; ``value_of`` gives the merged value of a key such as ``slack.bot_token``, or None."""

    def of(name: str, kind: type[DataclassInstance]) -> DataclassInstance:
        return built(kind, lambda field: value_of(f"{name}.{field}"))

    return AlertingSettings(**{name: of(name, kind) for name, kind in ALERTING_CLASSES})  # type: ignore[arg-type]
