"""Secrets are blotted out of whatever is shown."""

from __future__ import annotations

from dr.cli.redaction import redact, redact_all


def test_the_values_of_secret_variables_are_blotted_out_wherever_they_stand() -> None:
    """Also in the midst of a path or of a word."""
    environ = {"AWS_SECRET_ACCESS_KEY": "made/up+key", "BACKUP_ENCRYPTION_KEY": "made up words"}

    assert redact("x made/up+key y/made up words/z", environ) == "x ******** y/********/z"


def test_an_empty_or_tiny_variable_blots_nothing_out() -> None:
    """Otherwise a variable of one letter would make every message unreadable."""
    assert redact("a backup", {"PGPASSWORD": "", "BACKUP_ENCRYPTION_KEY": "a"}) == "a backup"


def test_every_text_of_a_document_is_looked_at() -> None:
    """Lists, tuples and nested tables included; numbers stay numbers."""
    address = "postgresql://app:made-up@db/shop"
    masked = "postgresql://app:********@db/shop"

    assert redact_all({"a": [address, {"b": (address, 1, None)}]}) == {"a": [masked, {"b": [masked, 1, None]}]}
