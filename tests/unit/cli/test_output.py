"""Where words go: the answer to standard output, all else to standard error."""

from __future__ import annotations

import json
import sys

import pytest

from dr.catalog.lsn import Lsn
from dr.cli.bars import progress_shown
from dr.cli.output import Output, plain
from dr.policy.recovery_target import RecoveryTarget, TargetKind
from dr.progress import Silent, reporter


def test_with_json_standard_output_holds_one_document_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines, tables and what libraries print by themselves stay out of it."""
    output = Output(json=True)
    with output.isolated():
        output.say("for people")
        output.table("Title", [{"a": 1}])
        output.note("beside")
        sys.stdout.write("a library that prints\n")
    output.document["ü"] = [1, None]
    output.close()
    shown = capsys.readouterr()

    assert json.loads(shown.out) == {"ü": [1, None]}
    assert "beside" in shown.err
    assert "a library that prints" in shown.err
    assert "for people" not in shown.out + shown.err


def test_without_json_the_answer_is_words(capsys: pytest.CaptureFixture[str]) -> None:
    """And what operators have named is shown as it is, brackets and colons included."""
    output = Output()
    output.say("[system.main] :warning: 5/7")
    output.table("Title", [{"name": "[bold]x[/bold]", "empty": None}, {"name": "y" * 300, "empty": ""}])
    output.close()
    shown = capsys.readouterr()

    assert "[system.main] :warning: 5/7" in shown.out
    assert "[bold]x[/bold]" in shown.out
    assert "y" * 300 in shown.out
    assert "empty" not in shown.out
    assert shown.err == ""


def test_nothing_is_drawn_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard error is no terminal here: no bar, and the library's own silence stays in place."""
    with progress_shown(Output()):
        assert isinstance(reporter(), Silent)
    assert capsys.readouterr().err == ""


def test_a_plan_that_stops_at_a_position_in_the_wal_can_be_shown_as_json() -> None:
    """As PostgreSQL writes it."""
    target = RecoveryTarget(TargetKind.LSN, lsn=Lsn.parse("16/B374D848"), timeline=2)

    assert plain(target)["lsn"] == "16/B374D848"
    assert json.dumps(plain((target, None)))
