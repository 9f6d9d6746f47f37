"""Our rules as Prometheus evaluates them: the file ``rules.yml``.

``speed`` is for tests: a rule that waits for an hour waits for 3.6 s at a speed of 1000.
"""

from __future__ import annotations

from collections.abc import Iterable
from string import Formatter
from typing import TypeAlias

from deployments.prometheus.silence import SILENCES, Silence
from dr.policy.alert_rules import RULES, Rule

Document: TypeAlias = dict[str, object]

VALUES = {
    "age": "{{ if gt $value 1e12 }}as long as is known{{ else }}{{ $value | humanizeDuration }}{{ end }}",
    "share": "{{ $value | humanizePercentage }}",
    "left": (
        "{{ if lt $value 0.0 }}has ended or cannot be read"
        "{{ else if lt $value 60.0 }}ends in less than a minute"
        '{{ else }}ends in {{ $value | humanizeDuration | reReplaceAll " .*" "" | reReplaceAll "d$" " days" '
        '| reReplaceAll "h$" " hours" | reReplaceAll "m$" " minutes" | reReplaceAll "^(1 .*)s$" "$1" }}{{ end }}'
    ),
    "number": '{{ $value | printf "%.6g" }}',
}
"""How Prometheus says a value, by ``Rule.shown``."""


def rule_file(rules: Iterable[Rule] = RULES, silences: Iterable[Silence] = SILENCES, *, speed: float = 1.0) -> Document:
    """What the file holds."""
    return {
        "groups": [
            {"name": "coreflow360-dr", "rules": [_of_rule(rule, speed) for rule in rules]},
            {"name": "coreflow360-dr-silence", "rules": [_of_silence(silence, speed) for silence in silences]},
        ]
    }


def _of_rule(rule: Rule, speed: float) -> Document:
    annotations: Document = {
        "summary": told(rule.summary, rule.shown),
        "risk": told(rule.risk, rule.shown),
        "command": told(rule.command, rule.shown),
    }
    if rule.incident:
        annotations["incident"] = rule.incident
    return _entry(rule.name, rule.expression, rule.seconds, str(rule.grade), annotations, speed)


def _of_silence(silence: Silence, speed: float) -> Document:
    annotations: Document = {"summary": silence.summary, "risk": silence.risk, "command": silence.command}
    return _entry(silence.name, silence.expression, silence.seconds, str(silence.grade), annotations, speed)


def _entry(name: str, expression: str, seconds: int, grade: str, annotations: Document, speed: float) -> Document:
    entry: Document = {"alert": name, "expr": expression}
    if seconds:
        entry["for"] = lasting(seconds, speed)
    return {**entry, "labels": {"severity": grade}, "annotations": annotations}


def lasting(seconds: int, speed: float = 1.0) -> str:
    """A time as Prometheus and Alertmanager write it.

    >>> lasting(3600), lasting(90), lasting(3600, 1000)
    ('60m', '90s', '3600ms')
    """
    if speed != 1:
        return f"{max(1, round(seconds / speed * 1000))}ms"
    return f"{seconds}s" if seconds % 60 else f"{seconds // 60}m"


def told(text: str, shown: str) -> str:
    """Text with ``{labels}`` and ``{value}``, in Prometheus's own templates.

    >>> told("no good backup of {kind}: {value} left", "share")
    'no good backup of {{ $labels.kind }}: {{ $value | humanizePercentage }} left'
    """
    parts = []
    for literal, name, _, _ in Formatter().parse(text):
        parts.append(literal)
        if name is not None:
            parts.append(VALUES[shown] if name == "value" else f"{{{{ $labels.{name} }}}}")
    return "".join(parts)
