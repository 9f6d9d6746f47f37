"""Every rule in Prometheus's own unit tests: fires, not so just beside its limit, says what is meant, and ends."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deployments.prometheus.rule_file import rule_file
from deployments.prometheus.silence import SILENCES
from dr.policy.alert_rule import LEFT
from dr.policy.alert_rules import RULES
from dr.policy.metric import sample
from dr.policy.rule_evaluation import evaluate
from tests.integration.prometheus.cases import CASES, Case
from tests.integration.prometheus.fired import FIRED, Act
from tests.integration.prometheus.programs import judged

BY_NAME = {rule.name: rule for rule in RULES}


def series(metric: str, labels: dict[str, str], values: str) -> dict[str, str]:
    """As promtool reads it: one value a minute."""
    inside = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return {"series": f"{metric}{{{inside}}}", "values": values}


def repeated(value: float, count: int) -> str:
    """As promtool reads it, which knows no infinity many times."""
    return " ".join([str(value).replace("inf", "Inf")] * count)


def step_of(case: Case) -> int:
    """Minutes between two evaluations: at most 60 of them until a rule fires."""
    return max(1, case.minutes // 60)


def of_case(case: Case) -> dict[str, Any]:
    """Beside the limit for longer than it has to last, then broken, then beside it again.

    Other systems beside it are well: they have the same labels otherwise.
    """
    step, steps = step_of(case), case.minutes // step_of(case)
    quiet, ill = steps + 5, steps + 3
    length = 2 * quiet + ill
    parts = ((case.beside, quiet), (case.broken, ill), (case.beside, quiet))
    values = " ".join(repeated(*part) for part in parts)
    rule = BY_NAME[case.rule]
    expected = {
        "exp_labels": {**case.labels(), "severity": str(rule.grade)},
        "exp_annotations": {
            "summary": case.summary,
            "risk": rule.risk.format(**case.labels(), value=""),
            "command": rule.command.format(**case.labels(), value=""),
            **({"incident": rule.incident} if rule.incident else {}),
        },
    }

    def asked(at: int, fires: bool) -> dict[str, Any]:
        return {"eval_time": f"{at * step}m", "alertname": case.rule, "exp_alerts": [expected] if fires else []}

    due = quiet + steps
    moments = [
        (quiet - 1, False),
        (due, True),
        (quiet + ill - 1, True),
        (quiet + ill, False),
        (2 * quiet + ill - 1, False),
    ]
    if steps:
        moments += [(quiet, False), (due - 1, False)]
    return {
        "name": f"{case.rule} {case.kind}",
        "interval": f"{step}m",
        "input_series": [
            series(case.metric, case.labels(), values),
            series(case.metric, case.labels(system="other"), repeated(case.beside, length)),
            *(
                series(metric, case.labels(metric, system), repeated(limit, length))
                for metric, limit in case.limits
                for system in ("shop", "other")
            ),
        ],
        "alert_rule_test": [asked(*moment) for moment in sorted(moments)],
    }


def test_every_rule_has_a_case() -> None:
    """One without is not tested in Prometheus: add it to tests/integration/prometheus/cases.py."""
    assert set(BY_NAME) - {case.rule for case in CASES} == set()


def test_every_rule_says_how_it_is_fired_for_real() -> None:
    """One without would fire in promtool alone: say by which fault in tests/integration/prometheus/fired.py, once."""
    said = sorted(item.rule for item in FIRED)

    assert said == sorted({*BY_NAME, *(silence.name for silence in SILENCES)})
    assert {item.act for item in FIRED if item.by_clock} == {Act.LATER}, "only there the clock is another"
    assert all(item.fault for item in FIRED)


def test_every_rule_fires_where_it_should_and_nowhere_else(tmp_path: Path) -> None:
    """One second beside the limit it is silent for ever; broken it waits its time, says its words, and ends at once."""
    for step in sorted({step_of(case) for case in CASES}):
        tests = [of_case(case) for case in CASES if case.rule in BY_NAME and step_of(case) == step]
        assert judged(tmp_path, rule_file(), tests, minutes=step) == ""


def test_what_ends_is_said_in_the_same_words_by_our_own_evaluation() -> None:
    """Days, hours or minutes, as people say them; of what waits for no time."""
    told = {}
    for case in CASES:
        if BY_NAME[case.rule].shown == LEFT:
            measured = sample(case.metric, case.broken, *case.labels().values())
            alerts = evaluate([measured], (), datetime(2026, 1, 1, tzinfo=UTC)).alerts
            told[case.summary] = {alert.summary for alert in alerts}

    assert len(told) > 5
    assert told == {summary: {summary} for summary in told}


def test_a_wrong_expectation_is_noticed(tmp_path: Path) -> None:
    """The test above can fail: it is told that a rule fires before its time, and what another one says."""
    case = next(case for case in CASES if not case.minutes)
    early, other = of_case(case), of_case(case)
    fires = next(asked for asked in early["alert_rule_test"] if asked["exp_alerts"])
    early["alert_rule_test"][0]["exp_alerts"] = fires["exp_alerts"]
    (alert,) = next(asked["exp_alerts"] for asked in other["alert_rule_test"] if asked["exp_alerts"])
    alert["exp_annotations"]["summary"] = "something else"

    assert "exp" in judged(tmp_path, rule_file(), [early])
    assert "something else" in judged(tmp_path, rule_file(), [other])


STORE = {"system": "shop", "tier": "local"}
SILENT: dict[str, tuple[list[dict[str, str]], int, dict[str, str], str]] = {
    # By rule: what is seen, the minute from which it fires, and with which labels and summary.
    "nothing-measured": (
        [series("storage_up", STORE, "1x4 stale")],
        15,
        {},
        "no system is measured at all",
    ),
    "system-not-measured": (
        [series("storage_up", STORE, "1x4 stale"), series("storage_up", {**STORE, "system": "other"}, "1x60")],
        15,
        {"system": "shop"},
        "shop was measured within the last day and is not any more",
    ),
    "measurements-are-old": (
        [
            series("push_time_seconds", {"job": "coreflow360-dr", "system": "shop"}, "0+60x4 240x60"),
            series("push_time_seconds", {"job": "another"}, "0x60"),
        ],
        20,
        {"job": "coreflow360-dr", "system": "shop"},
        "what Prometheus is given was measured 16m 0s ago",
    ),
}


@pytest.mark.incident("I2")
def test_silence_is_an_alert(tmp_path: Path) -> None:
    """No measurements at all, of one system, of its backups, or old ones: each by its name, not before its time."""
    tests = []
    by_name = {silence.name: silence for silence in SILENCES}
    for name, (seen, minute, labels, summary) in SILENT.items():
        silence = by_name[name]
        command = silence.command.replace("{{ $labels.system }}", labels.get("system", ""))
        alert = {
            "exp_labels": {**labels, "severity": "critical"},
            "exp_annotations": {"summary": summary, "risk": silence.risk, "command": command},
        }
        tests.append({
            "name": name,
            "interval": "1m",
            "input_series": seen,
            "alert_rule_test": [
                {"eval_time": f"{minute - 1}m", "alertname": name, "exp_alerts": []},
                {"eval_time": f"{minute}m", "alertname": name, "exp_alerts": [alert]},
            ],
        })  # fmt: skip

    assert set(SILENT) == set(by_name)
    assert judged(tmp_path, rule_file(), tests) == ""


def test_an_old_textfile_is_silence_as_well(tmp_path: Path) -> None:
    """The file of another program is not ours."""
    seen = [
        series("node_textfile_mtime_seconds", {"file": "/var/lib/node_exporter/coreflow360_dr.prom"}, "0x60"),
        series("node_textfile_mtime_seconds", {"file": "/var/lib/node_exporter/apt.prom"}, "0x60"),
    ]
    asked = {
        "expr": 'count by(file) (ALERTS{alertname="measurements-are-old",alertstate="firing"})',
        "eval_time": "16m",
        "exp_samples": [{"labels": '{file="/var/lib/node_exporter/coreflow360_dr.prom"}', "value": 1}],
    }
    test = {"interval": "1m", "input_series": seen, "promql_expr_test": [asked]}

    assert judged(tmp_path, rule_file(), [test]) == ""
