"""The documented exit codes are those of the errors."""

from __future__ import annotations

import inspect
from pathlib import Path

from dr import errors
from dr.cli.exit_codes import markdown, rows

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "exit-codes.md"


def test_the_document_holds_the_table_as_it_is() -> None:
    """docs/exit-codes.md says what dr/errors.py does; when this fails, put the table shown into the document."""
    assert markdown() in DOCUMENT.read_text(encoding="utf-8"), f"put this into {DOCUMENT.name}:\n\n{markdown()}"


def test_every_error_is_in_the_table_under_its_own_code() -> None:
    """No error class is left out, and each stands where its exit code is."""
    table = {row["code"]: f"{row['error']}" for row in rows()}
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.DrError)]

    assert len(kinds) > 20
    for kind in kinds:
        assert kind.__name__ in table[kind.exit_code].replace(",", "").replace(":", "").split()


def test_the_codes_that_no_error_brings_are_there_too() -> None:
    """Success, a wrong command line, and the three signals."""
    assert {0, 2, 129, 130, 143} <= {row["code"] for row in rows()}
