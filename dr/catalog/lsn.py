"""A position in PostgreSQL's write-ahead log."""

from __future__ import annotations

import re
from functools import total_ordering
from typing import Self

_TEXT = re.compile(r"([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})")


@total_ordering
class Lsn:
    """A log sequence number: a byte position in the WAL stream.

    Not a dataclass, so that manifests write it as PostgreSQL does and not as a record.

    >>> Lsn.parse("0/3000028")
    Lsn('0/3000028')
    >>> Lsn.parse("1/0") - Lsn.parse("0/FFFFFFF0")
    16
    """

    __slots__ = ("position",)

    def __init__(self, position: int) -> None:
        self.position = position

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read PostgreSQL's own notation; raises ValueError on anything else."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError(f"not an LSN: {text!r}")
        return cls((int(match[1], 16) << 32) | int(match[2], 16))

    def __str__(self) -> str:
        return f"{self.position >> 32:X}/{self.position & 0xFFFFFFFF:X}"

    def __repr__(self) -> str:
        return f"Lsn('{self}')"

    def __sub__(self, other: Lsn) -> int:
        return self.position - other.position

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Lsn) and other.position == self.position

    def __lt__(self, other: Lsn) -> bool:
        return self.position < other.position

    def __hash__(self) -> int:
        return hash(("Lsn", self.position))


def encode_lsn(value: object) -> object:
    """For msgspec: an LSN as the text that PostgreSQL writes. Raises TypeError for any other foreign type."""
    if isinstance(value, Lsn):
        return str(value)
    raise TypeError(f"a record cannot hold {type(value).__name__}")


def decode_lsn(kind: type, value: object) -> object:
    """For msgspec: the way back. Raises ValueError for text that is no LSN, TypeError for any other foreign type."""
    if kind is Lsn and isinstance(value, str):
        return Lsn.parse(value)
    raise TypeError(f"a record cannot hold {kind.__name__}")
