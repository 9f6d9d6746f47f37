"""Holding measurements against the rules, round after round: what fires, and what is not known to be over.

A rule that has to be broken for some time is broken on while nobody can look, for no longer than ``GAP``: then its time
begins anew. One that fires goes on until it is measured to be well, however long that takes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dr.policy.alert import Alert
from dr.policy.alert_rule import AGE, Against, Rule, shown
from dr.policy.alert_rules import RULES
from dr.policy.metric import BY_NAME, Sample, Unmeasured

GAP = timedelta(hours=1)
"""As long as Prometheus lets an outage of its own be (``--rules.alert.for-outage-tolerance``)."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that a sample breaks, since when, and when that was seen last: kept from one evaluation to the next."""

    key: str
    since: datetime
    seen: datetime | None = None

    def outlasts(self, seconds: float, now: datetime, gap: timedelta) -> bool:
        """Whether its time goes on although it was not looked at for a while."""
        seen = self.seen or now
        return seen - self.since >= timedelta(seconds=seconds) or now - seen <= gap


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What fires, and what is broken, for long enough or not.

    ``unknown`` are the keys of those that could not be looked at this time: none of them is over.
    """

    alerts: tuple[Alert, ...]
    broken: tuple[Broken, ...]
    unknown: frozenset[str]


def evaluate(
    samples: Iterable[Sample],
    before: Iterable[Broken],
    now: datetime,
    unmeasured: frozenset[Unmeasured] = frozenset(),
    rules: tuple[Rule, ...] = RULES,
    gap: timedelta = GAP,
) -> Evaluated:
    """Hold every sample against every rule. ``before`` is what was broken, ``unmeasured`` what is not seen now."""
    values = {(item.name, _labels(item)): item.value for item in samples}
    known = {item.key: item for item in before}
    alerts, broken = [], {}
    for rule in rules:
        for (name, labels), value in values.items():
            if name != rule.metric or not _chosen(rule, dict(labels)) or not _breaks(rule, dict(labels), value, values):
                continue
            alert = _alert(rule, dict(labels), value, now)
            old = known.get(alert.key)
            began = old.since if old is not None and old.outlasts(rule.seconds, now, gap) else now
            broken[alert.key] = Broken(alert.key, began, now)
            if now - began >= timedelta(seconds=rule.seconds):
                # An age says itself since when.
                says_it = rule.shown == AGE and math.isfinite(value)
                alerts.append(replace(alert, since=now - timedelta(seconds=value) if says_it else began))
    unseen = {item.key: item for item in _unseen(known, unmeasured, rules, now, gap) if item.key not in broken}
    return Evaluated(tuple(alerts), (*broken.values(), *unseen.values()), frozenset(unseen))


def _unseen(
    known: Mapping[str, Broken],
    unmeasured: frozenset[Unmeasured],
    rules: Iterable[Rule],
    now: datetime,
    gap: timedelta,
) -> Iterator[Broken]:
    """What was broken when it was seen last, and is not known to be well."""
    by_name = {rule.name: rule for rule in rules}
    for item in known.values():
        _, name, *subject = item.key.split("/")
        rule = by_name.get(name)
        if rule is None or not item.outlasts(rule.seconds, now, gap):
            continue
        metrics = {rule.metric} | ({rule.limit.metric} if isinstance(rule.limit, Against) else set())
        tier = subject[-1] if "tier" in BY_NAME[rule.metric].labels else ""
        if any(gone.metric in metrics and gone.tier in ("", tier) for gone in unmeasured):
            yield replace(item, seen=item.seen or now)


def _labels(item: Sample) -> tuple[tuple[str, str], ...]:
    return tuple(zip(BY_NAME[item.name].labels, item.labels, strict=True))


def _chosen(rule: Rule, labels: Mapping[str, str]) -> bool:
    return all(re.fullmatch(pattern, labels.get(name, "")) for name, pattern in rule.where)


def _breaks(
    rule: Rule,
    labels: Mapping[str, str],
    value: float,
    values: Mapping[tuple[str, tuple[tuple[str, str], ...]], float],
) -> bool:
    limit = rule.limit
    if isinstance(limit, Against):
        joined = tuple((name, labels[name]) for name in limit.on)
        found = values.get((limit.metric, joined))
        if found is None:
            return False
        limit = found
    return value > limit if rule.sign == ">" else value < limit if rule.sign == "<" else value == limit


def _alert(rule: Rule, labels: Mapping[str, str], value: float, since: datetime) -> Alert:
    told = {**labels, "value": shown(value, rule.shown)}
    return Alert(
        system=labels["system"],
        rule=rule.name,
        grade=rule.grade,
        summary=rule.summary.format(**told),
        subject="/".join(text for name, text in labels.items() if name != "system"),
        since=since,
        risk=rule.risk.format(**told),
        command=rule.command.format(**told),
    )
