"""The status page as a channel: users read what the operator has written for them, and never a word of the alert."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from dr.configuration.model import System
from dr.errors import ConfigurationError, DrError, NotDelivered, Undeliverable
from dr.notify.answers import silent
from dr.notify.protocol import Notice, Receipt
from dr.notify.status_page import Announcement, Impact, Stage, announce
from dr.policy.alert import Grade, Turn

STATUS_PAGE = "status-page"
_STAGES = {
    Turn.TRIGGER: Stage.INVESTIGATING,
    Turn.UPDATE: Stage.INVESTIGATING,
    Turn.ACKNOWLEDGE: Stage.IDENTIFIED,
    Turn.RESOLVE: Stage.RESOLVED,
}
RESOLVED_TEXT = "This is over."


@dataclass(frozen=True, slots=True)
class Words:
    """What users are told of one rule."""

    title: str
    text: str


class StatusPage:
    """One page. Only rules with words of their own in ``status_page.announce`` are for the public."""

    name = STATUS_PAGE
    place = "the status page"

    def __init__(self, system: System) -> None:
        self._system = system
        self._words = words_of(system)

    def deliver(self, notice: Notice) -> Receipt:
        words = self._words.get(notice.alert.rule)
        if words is None:
            raise Undeliverable(
                f"{notice.alert.rule} is not for the status page",
                hint="Write what users may read of it into status_page.announce, or leave it private.",
            )
        told = Announcement(
            # The alert's key would tell how the product is built.
            reference=hashlib.sha256(notice.alert.key.encode()).hexdigest()[:16],
            title=words.title,
            text=RESOLVED_TEXT if notice.turn is Turn.RESOLVE else words.text,
            stage=_STAGES[notice.turn],
            impact=Impact.MAJOR if notice.alert.grade is Grade.CRITICAL else Impact.MINOR,
        )
        try:
            done = announce(self._system.procedures.status_page, told)
        except DrError as error:
            raise self._error(error) from None
        return Receipt(self.name, done.incident or done.detail, notice.alert.key)

    def _error(self, error: DrError) -> NotDelivered | Undeliverable:
        """A refusal stays one; whatever else came back, or did not, may be better later."""
        refused = isinstance(error, ConfigurationError) or (error.detail.startswith("HTTP 4") and not error.retryable)
        if not refused:
            return silent(self.name, self.place, f"{error.message} ({error.detail})")
        hint = f"{error.hint} `dr alert test` leaves the page out: users would read it."
        return Undeliverable(f"{self.place} refuses the message", error.detail or error.message, hint)


def words_of(system: System) -> Mapping[str, Words]:
    """By the rule."""
    found = {}
    for line in system.procedures.status_page.announce:
        rule, title, text = (part.strip() for part in line.split("|"))
        found[rule] = Words(title, text)
    return found
