"""The guide's names: verify asks the running system, verify-backup reads stored copies; who mixes them up is told."""

from __future__ import annotations

import pytest

from dr.cli.app import read


@pytest.mark.parametrize("command", ["verify", "validate-recovery"])
def test_a_label_given_to_verify_is_refused_with_the_command_that_is_meant(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, before anything is asked: whoever read stored copies by that name must not get another thing."""
    ended = read([command, "base_20240101_020000_full"])

    assert ended == 2
    assert "dr verify-backup LABEL" in capsys.readouterr().err


def test_another_mistake_is_told_as_ever(capsys: pytest.CaptureFixture[str]) -> None:
    """Not every wrong word means a stored copy."""
    assert read(["verify", "--nonsense"]) == 2
    assert "dr verify --help" in capsys.readouterr().err
