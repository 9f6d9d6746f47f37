"""Prometheus's and Alertmanager's programs: in PATH, or beside the interpreter, where the bootstrap puts them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

_ALSO = {"prometheus-alertmanager": "alertmanager", "prometheus-node-exporter": "node_exporter"}
"""Debian calls them otherwise than everybody else."""


def program(name: str) -> Path:
    """Where it is; the test is skipped without it, and a skip is a failure in CI."""
    beside = Path(sys.executable).parent / name
    if os.access(beside, os.X_OK):
        return beside
    found = shutil.which(name) or shutil.which(_ALSO.get(name, name))
    if found is None:
        pytest.skip(f"there is no {name}: sh tools/bootstrap.sh fetches it on Debian; elsewhere install it")
    return Path(found)


def said(name: str, *arguments: object, directory: Path | None = None) -> str:
    """What a program says that has to succeed."""
    argv = (str(program(name)), *map(str, arguments))
    done = subprocess.run(argv, cwd=directory, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def judged(directory: Path, rules: dict[str, object], tests: list[dict[str, Any]], minutes: int = 1) -> str:
    """All that ``promtool test rules`` finds wrong, evaluating every so many ``minutes``; empty when nothing is."""
    (directory / "rules.yml").write_bytes(msgspec.yaml.encode(rules))
    document = {"rule_files": ["rules.yml"], "evaluation_interval": f"{minutes}m", "tests": tests}
    (directory / "tests.yml").write_bytes(msgspec.yaml.encode(document))
    argv = (str(program("promtool")), "test", "rules", "tests.yml")
    done = subprocess.run(argv, cwd=directory, capture_output=True, text=True, timeout=240, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr
