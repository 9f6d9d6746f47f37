"""Who is told what, and when: decided from what is wrong now and what was told before. ``now`` is an argument.

Every alert is told once, again when it goes on for long, and once more when it is over. Many at a time are told as one.
What is critical is told at once, at any hour; warnings wait for the end of the quiet hours. Nobody who answers moves
a critical alert on: to the next channel, the next person, the conference bridge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from dr.policy.alert import Alert, Grade, Turn

STORM = 5
"""More new alerts of one grade than this at one time are told as one."""
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Routes:
    """The settings that decide. ``available`` are the channels that the system has.

    ``public`` are those that users read: besides the others, for the rules in ``announced`` and none else.
    """

    available: tuple[str, ...]
    critical: tuple[str, ...]
    warning: tuple[str, ...]
    escalation: tuple[str, ...] = ()
    escalation_after: timedelta = timedelta(minutes=10)
    repeat_after: timedelta = timedelta(hours=4)
    public: tuple[str, ...] = ()
    announced: frozenset[str] = frozenset()
    quiet: tuple[time, time] | None = None
    zone: str = "UTC"

    def of(self, grade: Grade) -> tuple[str, ...]:
        """The channels for a grade, in order: those named that there are, or else all there are."""
        named = self.critical if grade is Grade.CRITICAL else self.warning
        return tuple(name for name in named if name in self.available) or self.available

    def of_alert(self, alert: Alert) -> tuple[str, ...]:
        """The same for one alert, with what users read of it."""
        return (*self.of(alert.grade), *(self.public if alert.rule in self.announced else ()))

    def is_quiet(self, now: datetime) -> bool:
        """Whether warnings wait."""
        if self.quiet is None:
            return False
        begin, end = self.quiet
        here = now.astimezone(ZoneInfo(self.zone)).time()
        return begin <= here < end if begin <= end else here >= begin or here < end


@dataclass(frozen=True, slots=True)
class Open:
    """An alert that is not over: what it said last, when it began, when it was told, and what answered.

    ``told`` is None while it waits for the morning. ``threads`` holds each channel's thread. ``storm`` is the key of
    the message that spoke for it among others. ``step`` counts the steps of the escalation that were used.
    """

    alert: Alert
    begun: datetime
    told: datetime | None = None
    threads: Mapping[str, str] = field(default_factory=dict)
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    storm: str = ""
    step: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notice for one channel, or for one step of the escalation (``contacts``, ``bridge``)."""

    channel: str
    alert: Alert
    turn: Turn
    thread: str = ""
    count: int = 1
    also: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Decided:
    """What is open from now on, and what has to be said."""

    open: tuple[Open, ...]
    deliveries: tuple[Delivery, ...]


def decide(
    before: Sequence[Open],
    found: Sequence[Alert],
    routes: Routes,
    now: datetime,
    unknown: frozenset[str] = frozenset(),
) -> Decided:
    """``found`` is all that is wrong now. What has a key in ``unknown`` could not be looked at, and is not over."""
    known = {item.alert.key: item for item in before}
    wrong = {alert.key: alert for alert in found}
    still = _still_wrong(known, wrong, unknown)
    stay: list[Open] = []
    says: list[Delivery] = []
    for key, item in known.items():
        if key not in still:
            says += _over(item)
            continue
        kept, more = _goes_on(item, still[key], routes, now)
        stay.append(kept)
        says += more
    new = [alert for key, alert in wrong.items() if key not in known]
    for grade in Grade:
        opened, more = _begun([alert for alert in new if alert.grade is grade], grade, routes, now)
        stay += opened
        says += more
    return Decided(tuple(stay), tuple(says))


def _still_wrong(known: Mapping[str, Open], wrong: Mapping[str, Alert], unknown: frozenset[str]) -> dict[str, Alert]:
    """What was known and is not over, as it is now. A storm is over with the last of what it spoke for."""
    still = {key: wrong[key] for key in known if key in wrong}
    still |= {key: item.alert for key, item in known.items() if key not in wrong and key in unknown}
    storms = {known[key].storm for key in still} - {""}
    return still | {key: known[key].alert for key in storms if key in known}


def _begun(alerts: list[Alert], grade: Grade, routes: Routes, now: datetime) -> tuple[list[Open], list[Delivery]]:
    if not alerts:
        return [], []
    if grade is Grade.WARNING and routes.is_quiet(now):
        return [Open(alert, now) for alert in alerts], []
    if len(alerts) <= STORM:
        opened = [Open(alert, now, told=now) for alert in alerts]
        return opened, [Delivery(name, alert, Turn.TRIGGER) for alert in alerts for name in routes.of_alert(alert)]
    spoken = _storm_of(alerts, grade, now)
    also = tuple(alert.summary for alert in alerts[1:SHOWN])
    opened = [Open(alert, now, told=now, storm=spoken.key) for alert in alerts]
    says = [Delivery(name, spoken, Turn.TRIGGER, count=len(alerts), also=also) for name in routes.of_alert(spoken)]
    return [*opened, Open(spoken, now, told=now, storm=spoken.key)], says


def _storm_of(alerts: Sequence[Alert], grade: Grade, now: datetime) -> Alert:
    """The message that speaks for many. What began it may begin another while this one lasts: two storms are two."""
    first = alerts[0]
    subject = "/".join(part for part in (first.rule, first.subject, str(grade), f"{now:%Y%m%dT%H%M%S}") if part)
    return replace(first, rule="storm", subject=subject, grade=grade)


def _over(item: Open) -> list[Delivery]:
    """The end is told where the beginning was; what a storm spoke for was told nowhere by itself."""
    return [Delivery(name, item.alert, Turn.RESOLVE, thread) for name, thread in item.threads.items()]


def _goes_on(item: Open, alert: Alert, routes: Routes, now: datetime) -> tuple[Open, list[Delivery]]:
    kept = replace(item, alert=alert)
    if item.told is None:
        if alert.grade is Grade.WARNING and routes.is_quiet(now):
            return kept, []
        return replace(kept, told=now), [Delivery(name, alert, Turn.TRIGGER) for name in routes.of_alert(alert)]
    if alert.grade is Grade.CRITICAL and item.alert.grade is Grade.WARNING:
        worse = replace(kept, told=now, storm="", acknowledged_by="", acknowledged_at=None)
        says = [Delivery(n, alert, Turn.TRIGGER, item.threads.get(n, "")) for n in routes.of_alert(alert)]
        return worse, says
    if item.storm and alert.key != item.storm:
        return kept, []
    says = []
    if now - item.told >= routes.repeat_after:
        quiet = alert.grade is Grade.WARNING and routes.is_quiet(now)
        if not quiet and item.acknowledged_at is None:
            kept = replace(kept, told=now)
            says += [Delivery(n, alert, Turn.UPDATE, item.threads.get(n, "")) for n in routes.of_alert(alert)]
    step = _step_due(item, routes, now) if alert.grade is Grade.CRITICAL else None
    if step is not None:
        kept = replace(kept, step=item.step + 1)
        waited = int((now - item.begun).total_seconds() // 60)
        says.append(
            Delivery(step, alert, Turn.UPDATE, item.threads.get(step, ""), reason=f"not acknowledged for {waited} min")
        )
    return kept, says


def _step_due(item: Open, routes: Routes, now: datetime) -> str | None:
    if item.acknowledged_at is not None or item.step >= len(routes.escalation):
        return None
    due = item.begun + routes.escalation_after * (item.step + 1)
    return routes.escalation[item.step] if now >= due else None


def acknowledged(
    before: Sequence[Open], key: str, by: str, now: datetime
) -> tuple[tuple[Open, ...], tuple[Delivery, ...]]:
    """Somebody takes care of it: nothing is escalated or told again until it is over. Raises KeyError."""
    known = {item.alert.key: item for item in before}
    item = known[key]
    taken = replace(item, acknowledged_by=by, acknowledged_at=now)
    says = tuple(Delivery(name, item.alert, Turn.ACKNOWLEDGE, thread) for name, thread in item.threads.items())
    return tuple(taken if other.alert.key == key else other for other in before), says
