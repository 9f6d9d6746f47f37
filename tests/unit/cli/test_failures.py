"""Errors as people and programs are told them."""

from __future__ import annotations

import signal

import pytest

from dr.cli.failures import report
from dr.cli.interruption import Terminated
from dr.cli.output import Output
from dr.cli.session import Session
from dr.errors import BackupNotFound, PipelineError


def told(error: BaseException, *, verbose: bool = False) -> tuple[int, dict[str, object]]:
    """The exit code and the document's error."""
    session = Session(Output(json=True), verbose=verbose)
    code = report(error, session)
    document = session.output.document["error"]
    assert isinstance(document, dict)
    return code, document


def test_our_errors_are_message_detail_and_hint(capsys: pytest.CaptureFixture[str]) -> None:
    """In PostgreSQL's manner, with the class's exit code."""
    code, document = told(BackupNotFound("there is none", "looked in local", "dr list"))

    assert capsys.readouterr().err == "ERROR: there is none\nDETAIL: looked in local\nHINT: dr list\n"
    assert (code, document["exit_code"], document["type"]) == (10, 10, "BackupNotFound")
    assert (document["message"], document["detail"], document["hint"]) == (
        "there is none",
        "looked in local",
        "dr list",
    )


def test_whether_trying_again_can_help_is_told_to_programs() -> None:
    """As the error says of itself."""
    assert told(PipelineError("cut off"))[1]["retryable"] is True
    assert told(BackupNotFound("none"))[1]["retryable"] is False


def test_notes_of_an_error_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Such as the record of the run that could not be kept."""
    error = BackupNotFound("there is none")
    error.add_note("and the record of this run was not kept")
    told(error)

    assert "NOTE: and the record of this run was not kept" in capsys.readouterr().err


def test_an_unforeseen_error_is_exit_code_1_and_short(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a traceback, which -v brings."""
    assert told(ZeroDivisionError("by zero"))[0] == 1
    short = capsys.readouterr().err
    try:
        raise ZeroDivisionError("by zero")
    except ZeroDivisionError as error:
        told(error, verbose=True)
    long = capsys.readouterr().err

    assert "unexpected ZeroDivisionError" in short
    assert "by zero" in short
    assert "-v" in short
    assert "Traceback" not in short
    assert "Traceback" in long


def test_no_secret_gets_out_with_an_unforeseen_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither an address's password nor the value of a variable that holds a secret, traceback included."""
    monkeypatch.setenv("BACKUP_ENCRYPTION_KEY", "a made up passphrase")
    session = Session(Output(json=True), verbose=True)
    try:
        raise RuntimeError("postgresql://app:made-up@db/shop and a made up passphrase")
    except RuntimeError as error:
        report(error, session)
    session.output.close()
    shown = capsys.readouterr()

    assert "postgresql://app:********@db/shop" in shown.err
    for text in (shown.out, shown.err):
        assert "made-up" not in text
        assert "made up passphrase" not in text


@pytest.mark.parametrize(
    ("error", "code", "word"),
    [
        (KeyboardInterrupt(), 130, "SIGINT"),
        (Terminated(signal.SIGTERM), 143, "SIGTERM"),
        (Terminated(signal.SIGHUP), 129, "SIGHUP"),
    ],
)
def test_signals_have_the_shells_exit_codes(
    error: KeyboardInterrupt, code: int, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """128 and the signal's number, and its name in the message."""
    assert told(error)[0] == code
    assert word in capsys.readouterr().err
