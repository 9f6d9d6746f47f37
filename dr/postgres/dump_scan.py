"""Reading a plain SQL dump as it streams by: its table of contents, the rows of every table, and whether it ended.

pg_dump writes a comment before each entry (``-- Name: users; Type: TABLE; Schema: public; Owner: app``), data as COPY
blocks that end in a line ``\\.``, and a last comment. Inside COPY data no line can look like these, because pg_dump
escapes the backslash; outside it lines are few. So counting costs little more than looking for newlines.
"""

from __future__ import annotations

import hashlib
import re

from dr.catalog.manifest import Contents, TableRows

_LINE = re.compile(
    rb"^-- (?P<data>Data for )?Name: (?P<name>.*); Type: (?P<type>[A-Z ]+); Schema: (?P<schema>.*?); Owner: .*$"
    rb"|^(?P<copy>COPY )"
    rb"|^(?P<end>-- PostgreSQL database (?:cluster )?dump complete)$"
    rb"|^SELECT pg_catalog\.(?P<blob>lo_create)\(",
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
            self._rows[table] += data.count(b"\n", at, keep)
            self._rest = data[keep:]
            return None
        self._rows[table] += data.count(b"\n", at, end)
        self._copying = None
        return end + len(_COPY_END)

    def _in_statement(self, data: bytes, at: int) -> int | None:
        """Go to the end of the COPY statement itself: a table's name may hold line breaks and look like anything."""
        statement = _COPY_BEGIN.match(data, at)
        if statement is None:
            self._rest = data[at:]
            return None
        self._opening = False
        self._copying, self._announced = self._announced, None
        self._rows.setdefault(self._copying or "", 0)
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
            tables=tuple(TableRows(name, self._rows.get(name, 0)) for name in names),
            entries=self._entries,
            toc_sha256=self._toc.hexdigest(),
            large_objects=self._blobs,
        )
