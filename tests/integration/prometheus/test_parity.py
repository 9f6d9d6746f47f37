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
from dr.policy.alert_rules import RULES, Against, Broken, Rule, evaluate
from dr.policy.metric import BY_NAME, Sample
from tests.integration.prometheus.cases import CASES
from tests.integration.prometheus.programs import judged

MINUTES = 40
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
SHORT = tuple(replace(rule, seconds=min(rule.seconds, 180)) for rule in RULES)
"""The same rules, none of which waits for longer than this is played."""
VALUES = {
    "system": ("shop", "shop-two"),
    "kind": ("dump", "files", "dumpling"),
    "tier": ("local", "cloud"),
    "scenario": ("full-system-failure", "data-corruption"),
    "procedure": ("daily-backup", "restore-by-hand"),
}
Labels = tuple[str, ...]
Played = dict[tuple[str, Labels], list[float | None]]
"""Of each series its value each minute; None where there is none."""


def values_of(metric: str) -> list[float | None]:
    """What a metric may be: around its limits, nothing, no number, infinite, missing."""
    around: set[float | None] = {case.beside for case in CASES if case.metric == metric}
    around |= {case.broken for case in CASES if case.metric == metric}
    around |= {limit for case in CASES for name, limit in case.limits if name == metric}
    return [*sorted(around, key=str), 0.0, 1.0, -1.0, math.inf, math.nan, None]


def played(seed: int) -> Played:
    """Every metric of every rule; a value stays for a while, so that what has to last can last."""
    draw = random.Random(seed)
    limits = {rule.limit.metric for rule in RULES if isinstance(rule.limit, Against)}
    found: Played = {}
    for metric in sorted({rule.metric for rule in RULES} | limits):
        for labels in product(*(VALUES.get(name, ("one",)) for name in BY_NAME[metric].labels)):
            series: list[float | None] = []
            while len(series) < MINUTES:
                series += [draw.choice(values_of(metric))] * draw.choice((1, 2, 5, 9))
            found[metric, labels] = series[:MINUTES]
    return found


def ours(series: Played) -> Iterator[frozenset[Alert]]:
    """What our own rules say, minute by minute."""
    broken: tuple[Broken, ...] = ()
    for minute in range(MINUTES):
        samples = [
            Sample(metric, labels, value)
            for (metric, labels), values in series.items()
            if (value := values[minute]) is not None
        ]
        evaluated = evaluate(samples, broken, BEGIN + timedelta(minutes=minute), rules=SHORT)
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


def as_test(seed: int, rules: tuple[Rule, ...] = SHORT) -> dict[str, Any]:
    """One of promtool's: that Prometheus says what ours say, at every minute."""
    series = played(seed)
    return {
        "name": f"seed {seed}",
        "interval": "1m",
        "input_series": [
            {
                "series": f"{metric}{{{','.join(map(_pair, BY_NAME[metric].labels, labels))}}}",
                "values": " ".join(map(_written, values)),
            }
            for (metric, labels), values in series.items()
        ],
        "promql_expr_test": [
            {
                "expr": 'ALERTS{alertstate="firing"}',
                "eval_time": f"{minute}m",
                "exp_samples": [as_prometheus(alert) for alert in alerts if alert.rule in {r.name for r in rules}],
            }
            for minute, alerts in enumerate(ours(series))
        ],
    }


def _pair(name: str, value: str) -> str:
    return f'{name}="{value}"'


def _written(value: float | None) -> str:
    return "stale" if value is None else str(value).replace("inf", "Inf").replace("nan", "NaN")


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
