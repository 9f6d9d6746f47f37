"""Reading a plain SQL dump as it streams by: its table of contents, the rows of every table, and whether it ended.

The content of a table is told by the sum of its rows' CRC-32s: a server that loads rows puts a short one into the room
that a long one has left, so their order says nothing. Large objects and sequences come in an order of their own.

pg_dump writes a comment before each entry (``-- Name: users; Type: TABLE; Schema: public; Owner: app``), data as COPY
blocks that end in a line ``\\.``, and a last comment. Inside COPY data no line can look like these, because pg_dump
escapes the backslash; outside it lines are few. So counting costs little more than looking for newlines.
"""

from __future__ import annotations

import hashlib
import re
from zlib import crc32

from dr.catalog.manifest import Contents, TableRows

_LINE = re.compile(
    rb"^-- (?P<data>Data for )?Name: (?P<name>.*); Type: (?P<type>[A-Z ]+); Schema: (?P<schema>.*?); Owner: .*$"
    rb"|^(?P<copy>COPY )"
    rb"|^(?P<end>-- PostgreSQL database (?:cluster )?dump complete)$"
    rb"|^SELECT pg_catalog\.(?P<blob>lo_create)\("
    rb"|^SELECT pg_catalog\.(?P<piece>(?:lo_open|lowrite)\(.*)$"
    rb"|^SELECT pg_catalog\.(?P<sequence>setval\(.*)$",
    re.MULTILINE,
)
_COPY_BEGIN = re.compile(rb'(?:[^"]|"[^"]*")*? FROM stdin;\n')
"""Up to the end of the statement: what stands in quotes is a name, whatever it says."""
_COPY_END = b"\n\\.\n"


class DumpScanner:
    """Feed it the dump in chunks of any size; ``contents`` tells what was in it."""

    def __init__(self) -> None:
        self._rest = b""
        self._copying: str | None = None
        self._announced: str | None = None
        self._opening = False
        self._rows: dict[str, int] = {}
        self._tables: dict[str, bool] = {}
        self._toc = hashlib.sha256()
        self._entries = 0
        self._blobs = 0
        self._pieces = hashlib.sha256()
        self._sequences = 0
        self._values = hashlib.sha256()
        self._digests: dict[str, _RowDigest] = {}
        self.complete = False

    def feed(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes of the dump."""
        data = self._rest + bytes(chunk)
        at = 0
        while True:
            if self._opening:
                step = self._in_statement(data, at)
            else:
                step = self._in_copy(data, at) if self._copying is not None else self._in_script(data, at)
            if step is None:
                return
            at = step

    def _in_copy(self, data: bytes, at: int) -> int | None:
        """Count rows up to the end of the COPY block. ``at`` stands on the newline before the first row."""
        end = data.find(_COPY_END, at)
        table = self._copying or ""
        if end < 0:
            # Keep enough to recognise an end mark that the next chunk completes, and count the rest.
            keep = max(at, len(data) - len(_COPY_END) + 1)
            self._take_rows(table, data[at:keep])
            self._rest = data[keep:]
            return None
        self._take_rows(table, data[at:end])
        self._copying = None
        return end + len(_COPY_END)

    def _take_rows(self, table: str, block: bytes) -> None:
        """Each row begins behind a line break, the first one's is that of the statement."""
        self._rows[table] += self._digests[table].feed(block)

    def _in_statement(self, data: bytes, at: int) -> int | None:
        """Go to the end of the COPY statement itself: a table's name may hold line breaks and look like anything."""
        statement = _COPY_BEGIN.match(data, at)
        if statement is None:
            self._rest = data[at:]
            return None
        self._opening = False
        self._copying, self._announced = self._announced, None
        self._rows.setdefault(self._copying or "", 0)
        self._digests.setdefault(self._copying or "", _RowDigest()).begin()
        return statement.end() - 1

    def _in_script(self, data: bytes, at: int) -> int | None:
        """Read whole lines until a COPY statement begins or the complete lines end."""
        last = data.rfind(b"\n", at) + 1
        if last <= at:
            self._rest = data[at:]
            return None
        for match in _LINE.finditer(data, at, last):
            if self._line(match):
                return match.end()
        self._rest = data[last:]
        return None

    def _line(self, match: re.Match[bytes]) -> bool:
        """Note one line of interest; True when a COPY statement begins there, and where pg_dump has announced data."""
        if match["copy"] is not None:
            self._opening = self._announced is not None
            return self._opening
        if match["end"] is not None:
            self.complete = True
        elif match["blob"] is not None:
            self._blobs += 1
        elif match["piece"] is not None:
            self._pieces.update(match["piece"])
        elif match["sequence"] is not None:
            self._sequences += 1
            self._values.update(match["sequence"])
        else:
            self._entry(match)
        return False

    def _entry(self, match: re.Match[bytes]) -> None:
        name = b"%s.%s" % (match["schema"], match["name"])
        self._entries += 1
        self._toc.update(match["type"] + b" " + name + b"\n")
        self._announced = None
        if match["type"] == b"TABLE":
            self._tables[name.decode(errors="replace")] = True
        elif match["type"] == b"TABLE DATA":
            self._announced = name.decode(errors="replace")

    def contents(self) -> Contents:
        """Tables with their rows (0 for those without data), entries counted and digested, large objects."""
        names = sorted(set(self._tables) | set(self._rows))
        return Contents(
            tables=tuple(TableRows(name, self._rows.get(name, 0), self._digest(name)) for name in names),
            entries=self._entries,
            toc_sha256=self._toc.hexdigest(),
            large_objects=self._blobs,
            large_objects_sha256=self._pieces.hexdigest(),
            sequences=self._sequences,
            sequences_sha256=self._values.hexdigest(),
        )

    def _digest(self, table: str) -> str:
        return str(self._digests.get(table, _RowDigest()))


class _RowDigest:
    """The sum of the CRC-32s of all rows, whatever their order; a row may come in any number of pieces."""

    def __init__(self) -> None:
        self._sum = 0
        self._bytes = 0
        self._row: int | None = None

    def begin(self) -> None:
        """A COPY block begins; a table may have more than one."""
        self._end_row()
        self._row = None

    def feed(self, block: bytes) -> int:
        """Take the next bytes of the block; how many rows began in them."""
        first, *others = block.split(b"\n")
        if self._row is not None:
            self._row = crc32(first, self._row)
        self._bytes += len(block) - len(others)
        if others:
            self._end_row()
            self._row = crc32(others.pop())
            self._sum += sum(map(crc32, others))
            return len(others) + 1
        return 0

    def _end_row(self) -> None:
        if self._row is not None:
            self._sum += self._row

    def __str__(self) -> str:
        return f"crc32:{(self._sum + (self._row or 0)) % (1 << 64):016x}:{self._bytes}"
