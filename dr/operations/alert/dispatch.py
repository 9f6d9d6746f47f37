"""Say what has to be said: each notice by its channel, what fails by the next one, and what cannot be said later.

A channel that is down never fails what it tells about. What it did not take is kept and tried again with growing
pauses; when a critical alert reached nobody by its own channels, whatever other channel there is gets it; and the
channel that failed is an alert itself.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dr.errors import NotDelivered
from dr.notify.protocol import Channel, Notice, Receipt
from dr.operations.alert.book import Book, ChannelFailure, Waiting
from dr.policy.alert import Alert, Grade, Turn
from dr.policy.alert_routing import Delivery

AT_ONCE = 8
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
KEPT = timedelta(days=7)
"""What could not be said within a week is not said any more: its alert is told again while it goes on."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one delivery went."""

    delivery: Delivery
    receipt: Receipt | None
    error: str = ""
    final: bool = False

    @property
    def taken(self) -> bool:
        return self.receipt is not None


def due(book: Book, now: datetime) -> tuple[tuple[Waiting, ...], tuple[Waiting, ...]]:
    """What waits and is due, and what waits on. What is too old is dropped."""
    alive = [item for item in book.waiting if now - item.since < KEPT]
    ready = tuple(item for item in alive if item.due is None or item.due <= now)
    return ready, tuple(item for item in alive if item not in ready)


def send(channels: Mapping[str, Channel], deliveries: Sequence[Delivery], now: datetime) -> tuple[Attempt, ...]:
    """Try each once, several at a time: one channel that hangs holds up no other."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="notify") as pool:
        return tuple(pool.map(lambda item: _try(channels, item, now), deliveries))


def fallbacks(
    channels: Mapping[str, Channel], attempts: Sequence[Attempt], open_alerts: Mapping[str, Mapping[str, str]]
) -> tuple[Delivery, ...]:
    """For what is critical and reached nobody, the channels that were not tried. ``open_alerts``: threads by key."""
    found = []
    keys = dict.fromkeys(item.delivery.alert.key for item in attempts if _is_urgent(item.delivery))
    for key in keys:
        tried = [item for item in attempts if item.delivery.alert.key == key]
        if any(item.taken for item in tried) or open_alerts.get(key):
            continue
        names = {item.delivery.channel for item in tried}
        first = tried[0].delivery
        found += [replace(first, channel=name, thread="") for name in channels if name not in names]
    return tuple(found)


def entered(book: Book, attempts: Sequence[Attempt], retried: Sequence[Waiting], now: datetime) -> Book:
    """The book with what the channels answered: threads, what waits, which channels fail."""
    before = {(item.delivery.channel, item.delivery.alert.key, item.delivery.turn): item for item in retried}
    waiting = list(book.waiting)
    failing = {item.channel: item for item in book.failing}
    delivered, refused = dict(book.delivered), dict(book.refused)
    threads: dict[str, dict[str, str]] = {}
    for attempt in attempts:
        delivery = attempt.delivery
        name = delivery.channel
        if attempt.receipt is not None:
            delivered[name] = delivered.get(name, 0) + 1
            failing.pop(name, None)
            threads.setdefault(delivery.alert.key, {})[name] = attempt.receipt.thread or delivery.alert.key
            continue
        refused[name] = refused.get(name, 0) + 1
        failing.setdefault(name, ChannelFailure(name, now, attempt.error))
        if not attempt.final:
            old = before.get((name, delivery.alert.key, delivery.turn)) or Waiting(delivery, now)
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**old.attempts)
            waiting.append(replace(old, attempts=old.attempts + 1, due=now + pause, error=attempt.error))
    opened = tuple(replace(item, threads={**item.threads, **threads.get(item.alert.key, {})}) for item in book.open)
    return replace(
        book,
        open=opened,
        waiting=tuple(waiting),
        failing=tuple(failing.values()),
        delivered=delivered,
        refused=refused,
    )


def channel_alerts(system: str, book: Book) -> tuple[Alert, ...]:
    """The failure of a channel is an alert itself; of nearly all of them a critical one."""
    return tuple(
        Alert(
            system=system,
            rule="channel-failing",
            grade=Grade.WARNING,
            summary=f"alerts do not get through {item.channel}",
            subject=item.channel,
            since=item.since,
            risk="somebody who relies on that channel is not told",
            command=f"dr alert test --system {system}",
            facts=(("answer", item.error),),
        )
        for item in book.failing
    )


def _try(channels: Mapping[str, Channel], delivery: Delivery, now: datetime) -> Attempt:
    channel = channels.get(delivery.channel)
    if channel is None:
        return Attempt(delivery, None, f"this system has no channel {delivery.channel}", final=True)
    also = (delivery.reason, *delivery.also) if delivery.reason else delivery.also
    notice = Notice(delivery.alert, delivery.turn, now, delivery.thread, delivery.count, also)
    try:
        return Attempt(delivery, channel.deliver(notice))
    except NotDelivered as error:
        logger.warning("%s", error)
        return Attempt(delivery, None, _told(error), final=not error.retryable)
    except Exception as error:  # telling people may never end what they are told about
        logger.exception("the channel %s failed in a way that was not foreseen", delivery.channel)
        return Attempt(delivery, None, f"{type(error).__name__}", final=True)


def _told(error: NotDelivered) -> str:
    return f"{error.message} ({error.detail})" if error.detail else error.message


def _is_urgent(delivery: Delivery) -> bool:
    return delivery.alert.grade is Grade.CRITICAL and delivery.turn in (Turn.TRIGGER, Turn.UPDATE)
