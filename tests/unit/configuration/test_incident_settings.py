"""Contacts are read as people write them down, and a line that leads to nobody is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from dr.configuration.procedures.incident import contact_lines

HERE = Path("/")


def test_lines_are_read_from_a_list_and_from_one_text() -> None:
    """As a file gives them, and as a variable does."""
    expected = ("CTO | A. Person |  | +1-555-0104", "DBA |  |  |  | dba@example.org")

    assert contact_lines(["CTO|A. Person| |+1-555-0104", "DBA | | | | dba@example.org"], HERE) == expected
    assert contact_lines("CTO | A. Person | | +1-555-0104; DBA||||dba@example.org", HERE) == expected


@pytest.mark.parametrize("wrong", ["CTO", "CTO | | |", " | A. Person", "a|b|c|d|e|f", "", 7])
def test_a_line_that_leads_to_nobody_is_refused(wrong: object) -> None:
    """A role without anybody, anybody without a role, or too many parts."""
    with pytest.raises(ValueError, match="must "):
        contact_lines([wrong] if isinstance(wrong, str) else wrong, HERE)
