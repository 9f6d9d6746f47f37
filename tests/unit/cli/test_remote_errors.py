"""The error of a run that ended on a worker, made out of Prefect's last word about it."""

from __future__ import annotations

import pytest

from dr.cli.remote import error_of
from dr.errors import DrError, LeaseHeld, PartialBackup
from tests.unit.cli.remote_runs import failed


@pytest.mark.parametrize(
    "error",
    [
        LeaseHeld("another run is at work", "since 02:00", "Wait."),
        PartialBackup("safe: one; not all", "store cloud: denied"),
        DrError("only a message"),
    ],
)
def test_our_errors_come_back_as_they_were_raised(error: DrError) -> None:
    """Type, exit code, message, detail and hint."""
    back = error_of(failed(f"Flow run encountered an exception: {type(error).__name__}: {error}"))

    assert type(back) is type(error)
    assert (back.message, back.detail, back.hint) == (error.message, error.detail, error.hint)


@pytest.mark.parametrize(
    "message",
    ["", "Flow run encountered an exception: ZeroDivisionError: by zero", "Flow run infrastructure exited", "a: b"],
)
def test_anything_else_is_unforeseen_and_shows_prefects_words(message: str) -> None:
    """Exit code 1, with the message as it is."""
    back = error_of(failed(message))

    assert (type(back), back.detail, back.exit_code) == (DrError, message, 1)
