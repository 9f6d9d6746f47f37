"""Our own evaluation and Prometheus's give the same verdict over the same measurements, whatever these are."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from deployments.prometheus.rule_file import rule_file
from dr.policy.alert import Alert
from dr.policy.alert_rules import RULES, Against
from dr.policy.metric import BY_NAME, Sample, Unmeasured
from dr.policy.rule_evaluation import Broken, evaluate
from tests.integration.prometheus.cases import CASES
from tests.integration.prometheus.programs import judged

MINUTES = 40
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
SHORT = tuple(replace(rule, seconds=min(rule.seconds, 180)) for rule in RULES)
"""The same rules, none of which waits for longer than this is played."""
VALUES = {
    "system": ("shop", "shop-two"),
    "kind": ("dump", "files", "images", "dumpling"),
    "tier": ("local", "cloud"),
    "scenario": ("full-system-failure", "data-corruption"),
    "procedure": ("daily-backup", "restore-by-hand"),
    "part": ("backups", "WAL", "stores"),
}
Labels = tuple[str, ...]
Played = dict[tuple[str, Labels], list[float | None]]
"""Of each series its value each minute; None where there is none."""
Gaps = tuple[frozenset[Unmeasured], ...]
"""What cannot be measured, each minute."""
NO_GAPS: Gaps = (frozenset(),) * MINUTES
LOOKS_BACK = timedelta(minutes=5)
"""As far as Prometheus does, unless told otherwise."""


def values_of(metric: str) -> list[float | None]:
    """What a metric may be: around its limits, nothing, no number, infinite, missing."""
    around: set[float | None] = {case.beside for case in CASES if case.metric == metric}
    around |= {case.broken for case in CASES if case.metric == metric}
    around |= {limit for case in CASES for name, limit in case.limits if name == metric}
    return [*sorted(around, key=str), 0.0, 1.0, -1.0, math.inf, math.nan, None]


def played(seed: int) -> Played:
    """Every metric of every rule; a value stays for a while, so that what has to last can last."""
    limits = {rule.limit.metric for rule in RULES if isinstance(rule.limit, Against)}
    found: Played = {}
    for metric in sorted({rule.metric for rule in RULES} | limits):
        draw = random.Random(f"{seed} {metric}")  # a further metric changes nothing for the others
        for labels in product(*(VALUES.get(name, ("one",)) for name in BY_NAME[metric].labels)):
            series: list[float | None] = []
            while len(series) < MINUTES:
                series += [draw.choice(values_of(metric))] * draw.choice((1, 2, 5, 9))
            found[metric, labels] = series[:MINUTES]
    return found


def gaps_of(seed: int) -> Gaps:
    """Some of one to four minutes for every rule; its limit cannot be measured either."""
    draw = random.Random(seed)
    gaps: list[set[Unmeasured]] = [set() for _ in range(MINUTES)]
    beside = {rule.metric: rule.limit.metric for rule in RULES if isinstance(rule.limit, Against)}
    for metric in sorted({rule.metric for rule in RULES}):
        begin = draw.randrange(1, 6)
        while begin < MINUTES - 6:
            for minute in range(begin, begin + draw.randrange(1, 5)):
                gaps[minute] |= {Unmeasured(metric)} | ({Unmeasured(beside[metric])} if metric in beside else set())
            begin += draw.randrange(7, 14)
    return tuple(map(frozenset, gaps))


def ours(series: Played, gaps: Gaps = NO_GAPS, remembers: timedelta = LOOKS_BACK) -> Iterator[frozenset[Alert]]:
    """What our own rules say, minute by minute."""
    broken: tuple[Broken, ...] = ()
    for minute in range(MINUTES):
        samples = [
            Sample(metric, labels, value)
            for (metric, labels), values in series.items()
            if (value := values[minute]) is not None and Unmeasured(metric) not in gaps[minute]
        ]
        evaluated = evaluate(samples, broken, BEGIN + timedelta(minutes=minute), gaps[minute], SHORT, remembers)
        broken = evaluated.broken
        yield frozenset(evaluated.alerts)


def as_prometheus(alert: Alert) -> dict[str, Any]:
    """The series by which it says that an alert fires."""
    rule = next(rule for rule in RULES if rule.name == alert.rule)
    beside = [name for name in BY_NAME[rule.metric].labels if name != "system"]
    labels = {
        "alertname": alert.rule,
        "alertstate": "firing",
        "severity": str(alert.grade),
        "system": alert.system,
        **dict(zip(beside, alert.subject.split("/"), strict=bool(beside))),
    }
    return {"labels": "ALERTS{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}", "value": 1}


def as_test(seed: int, gaps: Gaps = NO_GAPS, remembers: timedelta = LOOKS_BACK) -> dict[str, Any]:
    """One of promtool's: that Prometheus says what ours say, at every minute at which a rule's metric is measured."""
    series = played(seed)
    seen = [{rule.name for rule in SHORT if Unmeasured(rule.metric) not in gap} for gap in gaps]
    return {
        "name": f"seed {seed}",
        "interval": "1m",
        "input_series": [
            {
                "series": f"{metric}{{{','.join(map(_pair, BY_NAME[metric].labels, labels))}}}",
                "values": " ".join(
                    "_" if Unmeasured(metric) in gap else _written(value)
                    for value, gap in zip(values, gaps, strict=True)
                ),
            }
            for (metric, labels), values in series.items()
        ],
        "promql_expr_test": [
            {
                "expr": f'ALERTS{{alertstate="firing",alertname=~"{"|".join(sorted(seen[minute]))}"}}',
                "eval_time": f"{minute}m",
                "exp_samples": [as_prometheus(alert) for alert in alerts if alert.rule in seen[minute]],
            }
            for minute, alerts in enumerate(ours(series, gaps, remembers))
        ],
    }


def _pair(name: str, value: str) -> str:
    return f'{name}="{value}"'


def _written(value: float | None) -> str:
    return "stale" if value is None else str(value).replace("inf", "Inf").replace("nan", "NaN")


@pytest.mark.incident("I2")
def test_what_cannot_be_measured_for_a_while_changes_no_verdict(tmp_path: Path) -> None:
    """Prometheus takes a series that is not scraped for as it was, for five minutes; ours remember as long as is told.

    What is compared is each rule at the minutes at which its metric is measured; in between, ours end nothing.
    """
    tests = [as_test(seed, gaps_of(seed)) for seed in range(4)]

    assert judged(tmp_path, rule_file(SHORT, ()), tests) == ""


def test_a_verdict_that_forgets_is_noticed(tmp_path: Path) -> None:
    """Or the test above would be worth little: without a memory over gaps, rules that wait would fire too late."""
    forgetful = [as_test(seed, gaps_of(seed), timedelta(0)) for seed in range(4)]

    assert judged(tmp_path, rule_file(SHORT, ()), forgetful) != ""


@pytest.mark.incident("I2")
def test_prometheus_and_we_give_the_same_verdict(tmp_path: Path) -> None:
    """Minute by minute, of every rule, for two systems: near the limits, infinite, no numbers, and with gaps."""
    assert judged(tmp_path, rule_file(SHORT, ()), [as_test(seed) for seed in range(4)]) == ""


def test_what_is_played_lets_every_rule_fire_and_end() -> None:
    """Or the same verdict would be worth little."""
    seen = [alerts for seed in range(4) for alerts in ours(played(seed))]
    verdicts = {
        rule.name: {frozenset(a.key for a in alerts if a.rule == rule.name) for alerts in seen} for rule in RULES
    }

    assert {name for name, found in verdicts.items() if len(found) < 2} == set()


def test_another_verdict_is_noticed(tmp_path: Path) -> None:
    """With one rule's limit moved by a little, and with one rule missing."""
    moved = tuple(replace(rule, limit=902) if rule.name == "wal-stalled" else rule for rule in SHORT)
    fewer = tuple(rule for rule in SHORT if rule.name != "drill-overdue")

    assert "wal-stalled" in judged(tmp_path, rule_file(moved, ()), [as_test(0)])
    assert "drill-overdue" in judged(tmp_path, rule_file(fewer, ()), [as_test(0)])
