"""What a channel does: deliver one notice, and prove by the provider's own answer that it was taken.

A channel knows one provider and nothing of rules, routing or schedules. It tries once, within its time limit: trying
again, the next channel, and keeping what could not be delivered are the dispatcher's. One conformance suite
(``tests/contracts/test_channels.py``) runs over all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from dr.policy.alert import Alert, Turn

PATIENCE_SECONDS = 10.0
"""Within this a provider has answered, or it counts as silent."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One message about one alert. ``at`` is aware (UTC).

    ``thread`` is what the channel's last receipt for this alert gave: the issue, the message, the incident that a later
    turn belongs to; empty for the first. ``count`` tells of how many alerts a grouped notice speaks.
    """

    alert: Alert
    turn: Turn
    at: datetime
    thread: str = ""
    count: int = 1
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """That the provider took it: its own identifier of the message, and the thread that later turns belong to."""

    channel: str
    identifier: str
    thread: str = ""


class Channel(Protocol):
    """One way to reach people."""

    @property
    def name(self) -> str:
        """The name that routing uses: ``pagerduty``, ``slack``, ``sms``, ``mail``, ``jira``, ``teams``, ``webhook``."""
        ...

    @property
    def place(self) -> str:
        """Where it leads, for people, without any secret: an address, a phone number, ``#critical-alerts``."""
        ...

    def deliver(self, notice: Notice) -> Receipt:
        """Say it once. Raises ``NotDelivered`` when the provider did not take it (later it may), ``Undeliverable``
        when it never will like this: a wrong token, an unknown recipient.
        """
        ...
