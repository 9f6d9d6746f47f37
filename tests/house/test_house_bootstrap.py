"""The bootstrap: when ``.venv`` counts as built, and who waits for whom."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import bootstrap
from tools.bootstrap import State

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def clone(tmp_path) -> Path:
    """A clone in a directory with a space in its name, before its first make."""
    root: Path = tmp_path / "my clone"
    (root / "tools").mkdir(parents=True)
    for name in ("tools/bootstrap.sh", "tools/bootstrap.py", "pyproject.toml", "constraints.txt", "Makefile"):
        shutil.copy(ROOT / name, root / name)
    return root


def _pretend_built(root: Path) -> None:
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "python").symlink_to(bootstrap.base_python())
    (root / ".venv" / ".built").write_text(json.dumps(bootstrap.wanted(root)))


def _asked(root: Path) -> str:
    """What the shell script that make calls finds."""
    command = ("sh", root / "tools" / "bootstrap.sh", "--state")
    environment = {**os.environ, "PYTHON": bootstrap.base_python()}
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return said.stdout.strip()


def test_a_fresh_clone_has_no_venv(clone):
    """Nothing there means: build."""
    assert _asked(clone) == State.ABSENT


def test_a_finished_build_is_left_alone(clone):
    """With the stamp in place there is nothing to do, wherever the command is started."""
    _pretend_built(clone)

    assert _asked(clone) == State.READY


def test_a_build_without_its_stamp_was_interrupted(clone):
    """The stamp is written last, so a .venv without one is begun again."""
    _pretend_built(clone)
    (clone / ".venv" / ".built").unlink()

    assert _asked(clone) == State.INTERRUPTED


def test_half_a_stamp_counts_as_none(clone):
    """A stamp that cannot be read is that of an interrupted build."""
    _pretend_built(clone)
    (clone / ".venv" / ".built").write_text('{"content": "')

    assert _asked(clone) == State.INTERRUPTED


def test_a_moved_clone_is_built_anew(clone):
    """Scripts in .venv carry absolute paths, so a clone that was moved or copied begins again."""
    _pretend_built(clone)
    elsewhere = clone.rename(clone.with_name("elsewhere"))

    assert _asked(elsewhere) == State.MOVED


def test_a_venv_whose_python_is_gone_is_broken(clone):
    """After the system's Python was replaced, or for a user who cannot reach it, .venv does not count."""
    _pretend_built(clone)
    (clone / ".venv" / "bin" / "python").unlink()
    (clone / ".venv" / "bin" / "python").symlink_to(clone / "no-such-python")

    assert _asked(clone) == State.BROKEN


@pytest.mark.parametrize(
    "name, addition",
    [("constraints.txt", "one-more==1.0\n"), ("pyproject.toml", '\n[project.urls]\nHomepage = "elsewhere"\n')],
)
def test_new_dependencies_bring_the_venv_up_to_date(clone, name, addition):
    """A change to what is installed is noticed by content, not by date."""
    _pretend_built(clone)
    path = clone / name
    path.write_text(path.read_text() + addition)

    assert _asked(clone) == State.OUTDATED


def test_settings_of_tools_install_nothing(clone):
    """A changed ruff or pytest setting does not cost a reinstallation, nor does a newer date."""
    _pretend_built(clone)
    path = clone / "pyproject.toml"
    path.write_text(path.read_text().replace("line-length = 120", "line-length = 121"))

    assert _asked(clone) == State.READY


def test_a_second_make_waits_for_the_first(clone):
    """While one process holds the build lock another says so and touches nothing."""
    with (clone / ".bootstrap.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        second = subprocess.Popen(
            (sys.executable, "-I", clone / "tools" / "bootstrap.py"), stdout=subprocess.PIPE, text=True
        )
        try:
            assert second.stdout is not None
            first_words = second.stdout.readline()
        finally:
            second.kill()
            second.communicate()

    assert "another make is building .venv here" in first_words
    assert not (clone / ".venv").exists()


def test_an_old_python_is_refused_with_what_to_do(clone):
    """When PYTHON names something unusable the message names it and nothing is built."""
    asked = subprocess.run(
        ("make", ".venv", "PYTHON=/no/such/python"), cwd=clone, capture_output=True, text=True, check=False
    )

    assert asked.returncode != 0
    assert "PYTHON=/no/such/python is not a Python 3.11 or newer" in asked.stderr
    assert not (clone / ".venv").exists()


def test_without_any_python_the_message_names_the_packages(clone, tmp_path):
    """A machine with make and a shell alone learns what to install."""
    bare = tmp_path / "bin"
    bare.mkdir()
    for program in ("sh", "dirname", "cat"):
        (bare / program).symlink_to(shutil.which(program) or program)
    asked = subprocess.run(
        ("sh", clone / "tools" / "bootstrap.sh"), env={"PATH": str(bare)}, capture_output=True, text=True, check=False
    )

    assert asked.returncode == 1
    assert "apt-get install python3 python3-venv" in asked.stderr
