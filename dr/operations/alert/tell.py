"""Bring people up to date: from what is wrong now to what was said, and what was answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from dr.configuration.alerting.alerts import AlertsSettings
from dr.configuration.model import System
from dr.errors import ConfigurationError
from dr.notify.contacts import escalation_steps
from dr.notify.protocol import Channel
from dr.notify.public import words_of
from dr.notify.registry import channels, public_channels
from dr.operations.alert.book import Book, Waiting, held, read_book, write_book
from dr.operations.alert.dispatch import Attempt, channel_alerts, due, entered, fallbacks, send
from dr.policy.alert import Alert, Turn
from dr.policy.alert_routing import Delivery, Routes, acknowledged, decide


@dataclass(frozen=True, slots=True)
class Told:
    """What was tried in this round, the book as it is now, and the channels that the system has."""

    attempts: tuple[Attempt, ...]
    book: Book
    channels: tuple[str, ...] = ()

    @property
    def undelivered(self) -> tuple[Attempt, ...]:
        return tuple(item for item in self.attempts if not item.taken)


def tell(system: System, found: Sequence[Alert], unknown: frozenset[str] = frozenset()) -> Told:
    """``found`` is all that is wrong with the system now; what has a key in ``unknown`` could not be looked at.

    Never raises because of a channel. What was raised by hand, and channels that fail, are added to what is found.
    """
    with held(system) as file:
        return _tell(system, file, read_book(system), found, unknown)


def raise_alert(system: System, alert: Alert) -> Told:
    """An alert that no rule finds by itself: of a run that failed, of a procedure. It is open until ``settle``."""
    with held(system) as file:
        book = read_book(system)
        book = replace(book, manual=_unique((*book.manual, alert)))
        write_book(file, book)  # first of all: channels that are configured wrongly raise
        return _tell(system, file, book, tuple(item.alert for item in book.open))


def settle(system: System, key: str) -> Told:
    """That is over. Nothing happens where it was not open."""
    with held(system) as file:
        book = read_book(system)
        book = replace(book, manual=tuple(item for item in book.manual if item.key != key))
        write_book(file, book)
        return _tell(system, file, book, tuple(item.alert for item in book.open if item.alert.key != key))


def acknowledge(system: System, key: str, by: str) -> Told:
    """Somebody takes care of it. Raises ConfigurationError when there is no such alert."""
    here = channels(system)
    now = datetime.now(UTC)
    with held(system) as file:
        book = read_book(system)
        try:
            opened, says = acknowledged(book.open, key, by, now)
        except KeyError:
            raise ConfigurationError(
                f"{system.name} has no open alert {key!r}", hint="dr alert list shows them."
            ) from None
        book = replace(book, open=opened)
        write_book(file, book)
        attempts = send(reach(system, here), says, now)
        book = entered(book, attempts, (), now)
        write_book(file, book)
    return Told(attempts, book)


def _tell(
    system: System, file: Path, book: Book, found: Sequence[Alert], unknown: frozenset[str] = frozenset()
) -> Told:
    """With the book held from reading what is open: else what another process opens meanwhile would be told as over."""
    here = channels(system)
    now = datetime.now(UTC)
    wrong = _unique((*found, *book.manual, *channel_alerts(system.name, book)))
    decided = decide(book.open, wrong, routes(system, here), now, unknown)
    book = replace(book, open=decided.open)
    retried, later = due(replace(book, waiting=_still_wanted(book.waiting, book)), now)
    book = replace(book, waiting=later)
    says = (*decided.deliveries, *(item.delivery for item in retried))
    # Before anything is said: who dies in the midst says it once more, instead of never.
    write_book(file, replace(book, waiting=(*later, *_as_waiting(says, retried, now))))
    attempts = _round(here, reach(system, here), says, book, now)
    book = entered(book, attempts, retried, now)
    write_book(file, book)
    return Told(attempts, book, tuple(here))


def reach(system: System, here: dict[str, Channel]) -> dict[str, Channel]:
    """Everybody who can be told: by the channels, by the steps of the escalation, and by what users read."""
    return {**public_channels(system), **escalation_steps(system, here), **here}


def routes(system: System, here: dict[str, Channel]) -> Routes:
    """The settings, as decisions take them."""
    given = system.alerting.alerts
    return Routes(
        available=tuple(here),
        critical=given.critical,
        warning=given.warning,
        public=tuple(public_channels(system)),
        announced=frozenset(words_of(system)),
        escalation=tuple(escalation_steps(system, here)),
        escalation_after=timedelta(minutes=given.escalation_minutes),
        repeat_after=timedelta(hours=given.repeat_hours),
        quiet=_quiet(given),
        zone=given.timezone,
    )


def _quiet(given: AlertsSettings) -> tuple[time, time] | None:
    if not given.quiet_hours:
        return None
    begin, _, end = given.quiet_hours.partition("-")
    return time.fromisoformat(begin), time.fromisoformat(end)


def _round(
    here: dict[str, Channel], reached: dict[str, Channel], says: Sequence[Delivery], book: Book, now: datetime
) -> tuple[Attempt, ...]:
    attempts = send(reached, says, now)
    threads = {item.alert.key: item.threads for item in book.open}
    return (*attempts, *send(here, fallbacks(here, attempts, threads), now))


def _still_wanted(waiting: Sequence[Waiting], book: Book) -> tuple[Waiting, ...]:
    """The beginning of what is over meanwhile is not told any more; its end, where the beginning was told, is."""
    opened = {item.alert.key for item in book.open}
    return tuple(
        item
        for item in waiting
        if item.delivery.alert.key in opened or item.delivery.turn in (Turn.RESOLVE, Turn.ACKNOWLEDGE)
    )


def _as_waiting(says: Sequence[Delivery], retried: Sequence[Waiting], now: datetime) -> tuple[Waiting, ...]:
    known = {id(item.delivery): item for item in retried}
    return tuple(known.get(id(delivery)) or Waiting(delivery, now) for delivery in says)


def _unique(alerts: Sequence[Alert]) -> tuple[Alert, ...]:
    return tuple({alert.key: alert for alert in alerts}.values())
