"""Every rule, broken once and mended once: each channel gets exactly what it is meant to get, and nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from dr.configuration.alerting.teams import TeamsSettings
from dr.operations.alert.tell import tell
from dr.policy.alert import Alert, Grade
from dr.policy.alert_routing import STORM
from dr.policy.alert_rules import RULES
from dr.policy.metric import Sample, sample
from dr.secret import Secret
from tests.endpoints.receivers import Receivers
from tests.integration.alerts.office import Office, office_at
from tests.unit.policy.test_alert_rules import CASES, LIMITS, WAITING, lasting

DAY = 86400.0
COMPONENT = (
    sample("backup_good_age_seconds", 3 * DAY, "shop", "files"),
    sample("backup_age_limit_seconds", DAY, "shop", "files"),
)
FAULTS: dict[str, tuple[Sample, ...]] = {
    **{name: tuple(samples) for name, samples, _ in CASES},
    **{name: (*samples, *LIMITS) for name, samples, _ in WAITING},
    "component-overdue": COMPONENT,
    "infrastructure-overdue": tuple(replace(item, labels=("shop", "images")) for item in COMPONENT),
}
CRITICALS = {"pagerduty", "slack", "sms", "mail", "webhook", "teams"}
WARNINGS = {"slack", "mail", "jira", "webhook", "teams"}
each = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)


def alert_of(name: str) -> Alert:
    """What the rule says of its fault, once that has lasted."""
    return next(alert for alert in lasting(*FAULTS[name], minutes=3 * 24 * 60).alerts if alert.rule == name)


@pytest.fixture(scope="module")
def heard(running: Receivers, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """What every provider was sent while all rules were broken, few at a time, and mended."""
    running.forget()
    office = office_at(running, tmp_path_factory.mktemp("office"))
    alerting = replace(office.system.alerting, teams=TeamsSettings(Secret(f"{running.url}/teams/x")))
    told = replace(office.system.notifications, webhook=Secret(f"{running.url}/hook/x"))
    system = replace(office.system, alerting=alerting, notifications=told)
    for grade in Grade:
        alerts = [alert_of(rule.name) for rule in RULES if rule.grade is grade]
        for begin in range(0, len(alerts), STORM):
            tell(system, alerts[begin : begin + STORM])
    tell(system, [])
    return {name: Office(system, running).heard(name) for name in (CRITICALS | WARNINGS)}


def begun(entry: dict[str, Any]) -> bool:
    """Whether it is the beginning of an alert, not its end."""
    return "RESOLVED" not in str(entry["body"]) + str(entry.get("headers", {}).get("Subject", "")) and (
        not isinstance(entry["body"], dict) or entry["body"].get("event_action") != "resolve"
    )


def plain(entry: dict[str, Any]) -> str:
    """All its text, without what one provider or another puts before a sign that means something to it."""
    text = f"{entry['body']} {entry.get('headers', {}).get('Subject', '')}"
    return re.sub(r"\\+(?=[^nrt\w\s'\"])", "", text)


def of_alert(entries: list[dict[str, Any]], alert: Alert, heading: str) -> list[dict[str, Any]]:
    """Those about this alert: by its key where there is one, by its words where there is none."""
    words = f"{heading} shop: {alert.summary}"
    return [
        entry
        for entry in entries
        if (isinstance(entry["body"], dict) and alert.key in (entry["body"].get("dedup_key"), entry["body"].get("key")))
        or words in plain(entry)
    ]


@each
def test_each_rule_is_told_once_by_each_channel_of_its_grade_and_by_no_other(
    rule: Any, heard: dict[str, list[dict[str, Any]]]
) -> None:
    """Critical ones page and text somebody; warnings make an issue and wake nobody."""
    alert = alert_of(rule.name)

    counts = {
        name: len(of_alert([entry for entry in entries if begun(entry)], alert, str(alert.grade).upper()))
        for name, entries in heard.items()
    }

    wanted = CRITICALS if alert.grade is Grade.CRITICAL else WARNINGS
    assert counts == {name: int(name in wanted) for name in heard}


@each
def test_each_message_says_what_to_run_and_what_is_at_risk(rule: Any, heard: dict[str, list[dict[str, Any]]]) -> None:
    """With nothing left open: no brace, no label's name; a text message is what there is room for."""
    alert = alert_of(rule.name)
    for name, entries in heard.items():
        for entry in of_alert([entry for entry in entries if begun(entry)], alert, str(alert.grade).upper()):
            text = plain(entry)
            assert alert.command in text
            assert name == "sms" or alert.risk in text


@each
def test_the_end_is_told_where_the_beginning_was(rule: Any, heard: dict[str, list[dict[str, Any]]]) -> None:
    """Once; Jira's issue is closed, which its own suite looks at."""
    alert = alert_of(rule.name)
    ended = {
        name: len(of_alert([entry for entry in entries if not begun(entry)], alert, "RESOLVED"))
        for name, entries in heard.items()
        if name != "jira"
    }

    wanted = CRITICALS if alert.grade is Grade.CRITICAL else WARNINGS
    assert ended == {name: int(name in wanted) for name in ended}


def test_conversations_and_severities_are_those_of_the_grade(heard: dict[str, list[dict[str, Any]]]) -> None:
    """#critical-alerts and #alerts; PagerDuty pages for what is critical and nothing else."""
    criticals = sum(rule.grade is Grade.CRITICAL for rule in RULES)
    first = [entry["body"]["channel"] for entry in heard["slack"] if "thread_ts" not in entry["body"]]
    severities = {entry["body"]["payload"]["severity"] for entry in heard["pagerduty"] if begun(entry)}

    assert first == ["#critical-alerts"] * criticals + ["#alerts"] * (len(RULES) - criticals)
    assert severities == {"critical"}
