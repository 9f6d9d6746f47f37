"""``dr assess`` says what it can whatever is broken: its configuration, Prefect, the terminal's patience."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.assess.hanging import MARK, assess, configuration, environment, marked, silent_peer

AWAY = {"postgres.url": "postgresql://app@127.0.0.1:9/shop", "stores.local.path": "copies"}
PATIENCE = ("--seconds", "60")


def test_an_assessment_is_a_success_whatever_it_finds(tmp_path):
    """Exit code 0: it was asked how things are, and has told. What it advises means the same system."""
    file = configuration(AWAY, tmp_path)

    asked = assess(tmp_path, *PATIENCE, "--config", str(file), "--system", "shop")

    assert asked.code == 0
    assert asked.answer["judgement"]["severity"] == "CRITICAL"
    assert asked.answer["next_step"]["command"] == f"dr recover-db --config {file} --system shop"
    assert "error" not in asked.answer


def test_a_broken_configuration_is_told_beside_what_can_be_seen_without_it(tmp_path):
    """Exit code 3; what the environment says is asked all the same, and the disk."""
    (tmp_path / "dr.toml").write_text('[system.shop]\nposgres.url = "misspelt"\n')

    asked = assess(tmp_path, *PATIENCE, DATABASE_URL="postgresql://app:hunter2@127.0.0.1:9/shop")

    assert asked.code == 3
    assert asked.answer["error"]["type"] == "ConfigurationError"
    assert asked.of("Configuration")["condition"] == "down"
    assert asked.of("Database")["condition"] == "down"
    assert asked.of("Disk")["detail"]
    assert "hunter2" not in str(asked.answer)


def test_a_configuration_that_hangs_is_told(tmp_path):
    """A file that nobody ever finishes reading: what needs none is told, in time."""
    os.mkfifo(tmp_path / "dr.toml", 0o600)

    asked = assess(tmp_path, "--seconds", "12", "--config", str(tmp_path / "dr.toml"))

    assert asked.code == 3
    assert "the configuration could not be read in" in asked.answer["error"]["message"]
    assert asked.of("Disk")["detail"]
    assert asked.seconds < 30


def test_nothing_of_prefect_is_needed(tmp_path):
    """Its package is broken, and no server is named."""
    configuration(AWAY, tmp_path)
    (tmp_path / "prefect").mkdir()
    (tmp_path / "prefect" / "__init__.py").write_text("raise RuntimeError('broken')\n")
    path = f"{tmp_path}{os.pathsep}{environment(tmp_path)['PYTHONPATH']}"

    asked = assess(tmp_path, *PATIENCE, PYTHONPATH=path)

    assert asked.code == 0
    assert asked.of("Schedules")["condition"] == "not configured"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_one_that_was_cut_off(tmp_path, number):
    """Ctrl-C in the midst, or the end without a word: what asks ends with it, or soon after."""
    name = f"cut-off-{number}"
    with silent_peer() as port:
        configuration({**AWAY, "postgres.url": f"postgresql://app@127.0.0.1:{port}/shop"}, tmp_path)
        process = subprocess.Popen(
            (sys.executable, "-m", "dr.cli", "assess", "--seconds", "3"),
            cwd=tmp_path, env=environment(tmp_path, **{MARK: name}), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        _until(lambda: len(marked(name)) > 3)
        process.send_signal(number)
        process.communicate(timeout=60)

        assert process.returncode == (130 if number is signal.SIGINT else -signal.SIGKILL)
        _until(lambda: not marked(name))
        assert not marked(name)


def _until(true, seconds: float = 30.0) -> None:
    """Wait for something that comes by itself."""
    until = time.monotonic() + seconds
    while not true() and time.monotonic() < until:
        time.sleep(0.02)


def test_the_guide_s_lines_are_what_people_read(tmp_path: Path):
    """Without --json: the screen, and nothing in front of it."""
    configuration(AWAY, tmp_path)
    argv = (sys.executable, "-m", "dr.cli", "assess", *PATIENCE)

    ended = subprocess.run(
        argv, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=120, check=True
    )

    lines = ended.stdout.splitlines()
    assert lines[0] == "Database: OFFLINE"
    assert lines[1:3] == ["Redis: not configured", "Application: not configured"]
    assert lines[3].startswith("Disk: ")
    assert lines[4:7] == ["Backups: NONE", "System Status: CRITICAL (disaster)", ""]
    assert ended.stderr == ""
