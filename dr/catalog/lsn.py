"""A position in PostgreSQL's write-ahead log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, order=True)
class Lsn:
    """A log sequence number: a byte position in the WAL stream.

    >>> Lsn.parse("0/3000028")
    Lsn('0/3000028')
    >>> Lsn.parse("1/0") - Lsn.parse("0/FFFFFFF0")
    16
    """

    position: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read PostgreSQL's own notation; raises ValueError on anything else."""
        high, separator, low = text.partition("/")
        if not separator:
            raise ValueError(f"not an LSN: {text!r}")
        return cls((int(high, 16) << 32) | int(low, 16))

    def __str__(self) -> str:
        return f"{self.position >> 32:X}/{self.position & 0xFFFFFFFF:X}"

    def __repr__(self) -> str:
        return f"Lsn('{self}')"

    def __sub__(self, other: Lsn) -> int:
        return self.position - other.position
