"""What the command line is read as."""

from __future__ import annotations

from pathlib import Path

import pytest

from dr.cli.app import read
from dr.cli.session import Action, Session


def session_of(*arguments: str) -> Session:
    """The session that a command line asks for."""
    action = read(arguments)
    assert isinstance(action, Action)
    return action.session


@pytest.mark.parametrize(
    "arguments",
    [
        ("--json", "--system", "shop", "--config", "a.toml", "-v", "list"),
        ("list", "--json", "--system", "shop", "--config", "a.toml", "-v"),
        ("--json", "--system", "other", "list", "--system", "shop", "--config", "a.toml", "--verbose"),
        ("-v", "--config", "a.toml", "config", "show", "--system", "shop", "--json"),
    ],
)
def test_common_options_go_before_or_after_the_command(arguments: tuple[str, ...]) -> None:
    """Either place will do, and the one after the command's name wins."""
    session = session_of(*arguments)

    assert (session.output.json, session.system, session.verbose) == (True, "shop", True)
    assert session.config == Path("a.toml").absolute()


def test_without_options_nothing_is_assumed() -> None:
    """No file, no system: the configuration's own defaults decide."""
    session = session_of("list")

    assert (session.output.json, session.system, session.verbose, session.config) == (False, "", False, None)


def test_reading_a_command_does_not_run_it() -> None:
    """What it does happens inside the one boundary that turns errors into exit codes."""
    assert isinstance(read(["backup", "--cloud", "--retention-days", "30", "--kind", "dump"]), Action)


@pytest.mark.parametrize("arguments", [["--help"], ["recover-db", "--help"], ["-h"], ["config", "-h"]])
def test_help_is_no_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, and the help on standard output."""
    assert read(arguments) == 0
    assert "Usage" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["show"], ["backup", "--retention-days", "0"], [], ["config"], ["--json"]]
)
def test_what_is_not_understood_is_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With the way to the help on standard error."""
    assert read(arguments) == 2
    assert "--help" in capsys.readouterr().err
