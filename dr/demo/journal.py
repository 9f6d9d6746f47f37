"""What the writer knows to be committed, kept outside the database, where its disaster does not reach.

One JSON line per transaction before its COMMIT (its rows) and one after the server has acknowledged it. A transaction
with the first line only was in doubt when the server died: it may be there after a recovery, and does not count as
lost when it is not. One session writes one journal, so its transactions were committed in the order of their numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec


@dataclass(frozen=True, slots=True)
class Row:
    """One inserted row: its table, its number there, and half of the MD5 of its text as a signed number."""

    table: str
    id: int
    digest: int


class Begun(msgspec.Struct, tag="begun", frozen=True):
    """Transaction ``number`` is about to be committed."""

    number: int
    rows: tuple[Row, ...]


class Acknowledged(msgspec.Struct, tag="acknowledged", frozen=True):
    """The server has said that transaction ``number`` is committed."""

    number: int


@dataclass(frozen=True, slots=True)
class Journal:
    """A journal as read: the transactions in the order of their commits, and which of them were acknowledged."""

    run: str
    transactions: tuple[Begun, ...]
    acknowledged: frozenset[int]


class JournalWriter:
    """Appends to a journal. Each line is handed to the kernel at once: our own death loses nothing of it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._number = 0
        self._encoder = msgspec.json.Encoder()

    def begin(self, rows: tuple[Row, ...]) -> int:
        """Note what is going to be committed; the transaction's number."""
        self._number += 1
        self._append(Begun(self._number, rows))
        return self._number

    def acknowledge(self, number: int) -> None:
        """Note that the commit has been acknowledged."""
        self._append(Acknowledged(number))

    def _append(self, entry: Begun | Acknowledged) -> None:
        self._stream.write(self._encoder.encode(entry) + b"\n")
        self._stream.flush()


def read_journal(file: Path) -> Journal:
    """Read a journal, also one that is still written. A last line that was cut off is no line."""
    transactions: list[Begun] = []
    acknowledged: set[int] = set()
    for entry in _entries(file):
        if isinstance(entry, Begun):
            transactions.append(entry)
        else:
            acknowledged.add(entry.number)
    return Journal(file.stem, tuple(transactions), frozenset(acknowledged))


def _entries(file: Path) -> Iterator[Begun | Acknowledged]:
    decoder = msgspec.json.Decoder(Begun | Acknowledged)
    data = file.read_bytes() if file.exists() else b""
    for line in data[: data.rfind(b"\n") + 1].splitlines():
        yield decoder.decode(line)
