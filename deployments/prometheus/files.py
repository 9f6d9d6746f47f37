"""The three files as text, and where they lie."""

from __future__ import annotations

from pathlib import Path

import msgspec

from deployments.prometheus.alertmanager_file import alertmanager_file
from deployments.prometheus.prometheus_file import prometheus_file
from deployments.prometheus.rule_file import rule_file

HERE = Path(__file__).parent
RULES_FILE = "rules.yml"


def files() -> dict[str, str]:
    """By name."""
    return {
        RULES_FILE: in_yaml(rule_file(), "The rules of dr/policy/alert_rules.py, for Prometheus 2.40 or newer."),
        "alertmanager.yml": in_yaml(
            alertmanager_file(),
            "Who is told what, for Alertmanager 0.25 or newer. Put your own addresses in; each secret into its file.",
        ),
        "prometheus.yml": in_yaml(
            prometheus_file(), "An example: one exporter (dr metrics serve) for each system, and the rules."
        ),
    }


def in_yaml(document: dict[str, object], what: str) -> str:
    """YAML below two lines that say what it is and who wrote it."""
    text = msgspec.yaml.encode(document).decode()
    return f"# {what}\n# Written by 'python -m deployments.prometheus'; do not edit in the repository.\n{text}"


def hand_out(directory: Path) -> list[Path]:
    """The rules, and beside them an example of what is not there yet: what somebody made his own is left alone."""
    directory.mkdir(parents=True, exist_ok=True)
    return [
        _written(directory / name, text)
        for name, text in files().items()
        if name == RULES_FILE or not (directory / name).exists()
    ]


def write(directory: Path = HERE) -> list[Path]:
    """All of them, as they are in the repository."""
    return [_written(directory / name, text) for name, text in files().items()]


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path
