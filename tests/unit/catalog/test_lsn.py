"""WAL positions read and write PostgreSQL's notation, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.lsn import Lsn

POSITIONS = st.integers(0, 2**64 - 1)


@given(POSITIONS)
def test_a_position_reads_back_as_itself(position):
    """Over the whole 64 bits."""
    assert Lsn.parse(str(Lsn(position))) == Lsn(position)


@given(POSITIONS, POSITIONS)
def test_positions_order_and_subtract_as_bytes_of_wal(one, other):
    """Not as text: 10/0 is far behind 9/0."""
    assert (Lsn(one) < Lsn(other)) == (one < other)
    assert Lsn(one) - Lsn(other) == one - other


@pytest.mark.parametrize(
    "text, position",
    [
        ("0/0", 0),
        ("0/3000028", 0x3000028),
        ("0/03000028", 0x3000028),
        ("a/b", 0xA0000000B),
        ("FFFFFFFF/FFFFFFFF", 2**64 - 1),
    ],
)
def test_every_spelling_of_postgresql_is_read(text, position):
    """Padded or not, in either case."""
    assert Lsn.parse(text).position == position


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "/",
            "0/",
            "/0",
            "0",
            "0/0/0",
            "G/0",
            "0/G",
            "0x1/0",
            "0/0x1",
            "-1/0",
            "0/-1",
            "+1/0",
            " 0/1",
            "0/1 ",
            "0/1\n",
        ),
        *("1_0/0", "0/1FFFFFFFF", "1FFFFFFFF/0", "１/0"),  # noqa: RUF001
    ],
)
def test_what_is_no_position_is_refused(text):
    """A sign, a prefix, a blank or a number that does not fit is damage, not a position."""
    with pytest.raises(ValueError):  # noqa: PT011 - int() and we word it differently
        Lsn.parse(text)
