"""Prove that alerts reach people: a test message through every channel, confirmed by each provider's own answer (I2).

GitLab's failure mails had been rejected for long, and nobody knew. Fewer than two channels that work is critical on
whatever is left.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from dr.configuration.model import System
from dr.errors import ConfigurationError
from dr.notify.protocol import Channel
from dr.notify.registry import channels
from dr.operations.alert.book import held, read_book, write_book
from dr.operations.alert.dispatch import Attempt, entered, send
from dr.operations.alert.tell import raise_alert, settle
from dr.policy.alert import Alert, Grade, Turn
from dr.policy.alert_routing import Delivery
from dr.policy.alert_rules import RULES

ENOUGH = 2
_RULE = next(rule for rule in RULES if rule.metric == "alert_channels_confirmed")
"""The same alert under the same key, for who has the rules in Prometheus."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One channel: where it leads, what the provider answered, or why it did not take the message."""

    channel: str
    place: str
    identifier: str
    error: str

    @property
    def confirmed(self) -> bool:
        return not self.error


@dataclass(frozen=True, slots=True)
class PathTest:
    """All channels of a system, and whether enough of them work."""

    code: str
    tried: tuple[Tried, ...]

    @property
    def confirmed(self) -> tuple[str, ...]:
        return tuple(item.channel for item in self.tried if item.confirmed)

    @property
    def enough(self) -> bool:
        return len(self.confirmed) >= ENOUGH


def prove_alert_path(system: System) -> PathTest:
    """Send, count, and raise or settle the alert about the path itself. Without a channel: ConfigurationError."""
    here = channels(system)
    if not here:
        raise ConfigurationError(
            f"{system.name} has no channel to tell anybody by",
            hint="Configure two or more: pagerduty, slack, sms, mail, jira, teams (docs/alerts.md).",
        )
    now = datetime.now(UTC)
    code = secrets.token_hex(4)
    attempts = _both_grades(here, system.name, code, now)
    tried = tuple(_tried(here, item) for item in attempts)
    test = PathTest(code, tried)
    with held(system) as file:
        book = entered(read_book(system), [replace(item, final=True) for item in attempts], (), now)
        write_book(file, replace(book, tested=now, confirmed=test.confirmed))
    alert = _alert(system.name, test, now)
    if test.enough:
        settle(system, alert.key)
    else:
        raise_alert(system, alert)
    return test


def _both_grades(here: dict[str, Channel], system: str, code: str, now: datetime) -> tuple[Attempt, ...]:
    """Of the graver grade, since that is the one that must not fail; ended at once, so that nobody is paged twice."""
    alert = Alert(
        system=system,
        rule="test",
        grade=Grade.CRITICAL,
        summary=f"test {code} of the alert path, nothing is wrong",
        subject=code,
        command=f"dr alert list --system {system}",
    )
    begun = send(here, [Delivery(name, alert, Turn.TRIGGER) for name in here], now)
    threads = {item.delivery.channel: item.receipt.thread for item in begun if item.receipt is not None}
    send(here, [Delivery(name, alert, Turn.RESOLVE, thread) for name, thread in threads.items()], now)
    return begun


def _tried(here: dict[str, Channel], attempt: Attempt) -> Tried:
    name = attempt.delivery.channel
    identifier = attempt.receipt.identifier if attempt.receipt else ""
    return Tried(name, here[name].place, identifier, attempt.error)


def _alert(system: str, test: PathTest, now: datetime) -> Alert:
    failed = tuple((item.channel, item.error) for item in test.tried if not item.confirmed)
    working = ", ".join(test.confirmed) or "none"
    return Alert(
        system=system,
        rule=_RULE.name,
        grade=_RULE.grade,
        summary=f"alerts reach people by fewer than {ENOUGH} channels: {working}",
        since=now,
        risk=_RULE.risk,
        command=_RULE.command.format(system=system),
        facts=failed,
    )
