"""Variables as a file: every value survives, and what others write is understood."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.components.config import environment
from dr.errors import BackupInvalid

NAMES = st.binary(min_size=1, max_size=12).filter(lambda name: b"=" not in name and b"\0" not in name)
VALUES = st.binary(max_size=40).filter(lambda value: b"\0" not in value) | st.text("\"\\$`\n\r =#'", max_size=12).map(
    os.fsencode
)


@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_whatever_an_environment_can_hold_survives(variables: dict[bytes, bytes]) -> None:
    """Any bytes but NUL, in names too."""
    found = environment.chosen(("*",), variables)

    assert environment.decode(environment.encode(found), "it") == found
    assert {os.fsencode(name): os.fsencode(value) for name, value in found.items()} == variables


def test_patterns_choose_and_what_is_absent_is_known() -> None:
    """A pattern that matches nothing is as absent as a name that is not set."""
    environ = {b"SHOP_A": b"1", b"SHOP_B": b"2", b"PATH": b"/bin"}
    patterns = ("SHOP_*", "MAIL_*", "HOME")

    found = environment.chosen(patterns, environ)

    assert found == {"SHOP_A": "1", "SHOP_B": "2"}
    assert environment.missing(patterns, found) == ("MAIL_*", "HOME")


def test_what_others_write_is_read() -> None:
    """Comments, export, quotes of both kinds, values over lines, blanks around the sign, no value."""
    text = """\
# comment
; and one of systemd's
export A=1
B = two words
C="quoted \\"inside\\" \\$HOME"
D='single \\n'
E="over
lines"
F=
"""

    assert environment.parse(text) == {
        "A": "1",
        "B": "two words",
        "C": 'quoted "inside" $HOME',
        "D": "single \\n",
        "E": "over\nlines",
        "F": "",
    }
    assert environment.parse("listen 80;\n") is None


@pytest.mark.parametrize("data", [b"# x\nA", b"# x\nA=1\n", b'# x\nA="1', b'# x\nA="1" more\n', b'# x\nA\nB="1"\n'])
def test_a_damaged_file_is_refused(data: bytes) -> None:
    """It is never taken for fewer variables."""
    with pytest.raises(BackupInvalid, match="is no variable"):
        environment.decode(data, "environment")
