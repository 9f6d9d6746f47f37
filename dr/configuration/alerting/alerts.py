"""Settings of the section ``alerts``: who is told what, and when."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dr.configuration import parsers
from dr.configuration.components.declared import given

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


def hours(raw: object, base: Path) -> str:
    """A stretch of the day such as ``22:00-07:00``."""
    value = parsers.text(raw, base)
    if _HOURS.fullmatch(value) is None:
        raise ValueError(f"must be a stretch of the day such as 22:00-07:00, not {value!r}")
    return value


def zone(raw: object, base: Path) -> str:
    """The name of a time zone."""
    value = parsers.text(raw, base)
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"must be a time zone such as Europe/Berlin, not {value!r}") from None
    return value


@dataclass(frozen=True, slots=True)
class AlertsSettings:
    """Channels by grade, in order; quiet hours; and the channels that are used in turn while nobody answers."""

    critical: tuple[str, ...] = given(
        parsers.words,
        "channels for what is critical, in order",
        ("pagerduty", "slack", "sms", "mail", "webhook", "teams"),
    )
    warning: tuple[str, ...] = given(
        parsers.words, "channels for warnings, in order", ("slack", "mail", "jira", "webhook", "teams")
    )
    quiet_hours: str = given(
        hours, "when warnings wait for the morning, such as 22:00-07:00; never what is critical", ""
    )
    timezone: str = given(zone, "time zone of quiet_hours", "UTC")
    escalation: tuple[str, ...] = given(
        parsers.words,
        "what is used in turn while a critical alert is not acknowledged: channels, contacts (each of"
        " incident.contacts by text message and mail), bridge (all of them, with incident.bridge)",
        ("slack", "sms", "contacts", "bridge"),
    )
    escalation_minutes: float = given(parsers.positive_minutes, "how long each step of an escalation waits", 10.0)
    repeat_hours: int = given(parsers.count, "hours after which an alert that goes on is told again", 4)
