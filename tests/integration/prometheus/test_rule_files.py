"""The files for Prometheus and Alertmanager: as they are written, and as the programs themselves read them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

from deployments.prometheus.alertmanager_file import alertmanager_file
from deployments.prometheus.files import HERE, files, hand_out, write
from dr.configuration.alerting.alerts import AlertsSettings
from dr.policy.alert_rules import RULES
from tests.integration.prometheus.programs import said


def test_the_files_in_the_repository_are_those_that_are_written() -> None:
    """Whoever changes a rule writes them anew: python -m deployments.prometheus."""
    assert {name: (HERE / name).read_text() for name in files()} == files()


def test_prometheus_and_alertmanager_take_the_files(tmp_path: Path) -> None:
    """Every rule of ours is among those that promtool finds."""
    write(tmp_path)

    assert "SUCCESS" in said("promtool", "check", "rules", tmp_path / "rules.yml")
    assert "SUCCESS" in said("promtool", "check", "config", tmp_path / "prometheus.yml")
    assert "2 receivers" in said("amtool", "check-config", tmp_path / "alertmanager.yml")
    alerts = re.findall(r"alert: (\S+)", (tmp_path / "rules.yml").read_text())
    assert {rule.name for rule in RULES} <= set(alerts)
    assert len(alerts) == len(set(alerts))


@pytest.mark.parametrize(
    ("grade", "system", "wanted"),
    [("critical", "shop", "critical"), ("warning", "shop", "warning"), ("", "", "warning")],
)
def test_alertmanager_sends_each_grade_its_way(grade: str, system: str, wanted: str) -> None:
    """Asked of amtool; what has no grade is told nevertheless."""
    labels = [f"{name}={value}" for name, value in (("severity", grade), ("system", system)) if value]

    told = said("amtool", "config", "routes", "test", "--config.file", HERE / "alertmanager.yml", *labels)

    assert told.strip() == wanted


def test_each_grade_has_the_channels_of_the_guide() -> None:
    """By kind, and Slack's two rooms."""
    document = msgspec.yaml.decode((HERE / "alertmanager.yml").read_bytes())
    critical, warning = document["receivers"]

    assert set(critical) == {"name", "pagerduty_configs", "slack_configs", "webhook_configs", "email_configs"}
    assert set(warning) == {"name", "slack_configs", "email_configs", "webhook_configs"}
    assert [critical["slack_configs"][0]["channel"], warning["slack_configs"][0]["channel"]] == [
        "#critical-alerts",
        "#alerts",
    ]
    assert "sms" in critical["webhook_configs"][0]["url"]
    assert "jira" in warning["webhook_configs"][0]["url"]


def test_channels_follow_the_settings() -> None:
    """Of a system that has other ones."""
    document = alertmanager_file(alerts=AlertsSettings(critical=("mail",), warning=("mail", "jira"), repeat_hours=2))

    assert [sorted(receiver) for receiver in document["receivers"]] == [  # type: ignore[attr-defined]
        ["email_configs", "name"],
        ["email_configs", "name", "webhook_configs"],
    ]
    assert document["route"]["repeat_interval"] == "2h"  # type: ignore[index]


def test_secrets_are_only_ever_in_files() -> None:
    """Every key that could hold one ends in _file."""
    text = (HERE / "alertmanager.yml").read_text()
    keys = re.findall(r"(\w*(?:password|token|key|secret|credentials|api_url)\w*):", text)

    assert keys
    assert [key for key in keys if not key.endswith("_file")] == []


def test_a_file_that_somebody_made_his_own_is_left_alone(tmp_path: Path) -> None:
    """Only the rules are replaced by newer ones."""
    for name in ("alertmanager.yml", "rules.yml"):
        (tmp_path / name).write_text("mine")

    written = {path.name for path in hand_out(tmp_path)}

    assert written == {"rules.yml", "prometheus.yml"}
    assert (tmp_path / "alertmanager.yml").read_text() == "mine"
    assert (tmp_path / "rules.yml").read_text() == files()["rules.yml"]


def test_the_command_prints_the_rules_alone(capfd: pytest.CaptureFixture[str]) -> None:
    """To be redirected into a file, or as JSON."""
    from dr.cli.__main__ import main

    assert main(["metrics", "rules"]) == 0
    assert capfd.readouterr().out == files()["rules.yml"]
    assert main(["metrics", "rules", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["rules"] == files()["rules.yml"]


def test_options_before_the_word_serve_are_refused(capfd: pytest.CaptureFixture[str]) -> None:
    """They would be lost, and another system served."""
    from dr.cli.__main__ import main

    assert main(["metrics", "--system", "shop", "serve"]) == 2
    assert "dr metrics serve --help" in capfd.readouterr().err
