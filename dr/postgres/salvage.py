"""Get every row out of a table that can still be read, around pages that cannot.

Rows are read in the order in which they lie, each with its place (ctid). Where a read fails, it goes on behind the
place: row by row where a row's long value is what is broken, on the next page where the page itself is.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg
from psycopg import sql

from dr.postgres.connection import Connection
from dr.postgres.queries import query

ROWS_PER_PAGE = 291
"""No page of 8 kB holds more."""
_WIDEST = 1024
_DAMAGED = (
    psycopg.errors.DataCorrupted,
    psycopg.errors.IndexCorrupted,
    psycopg.errors.InternalError_,
    psycopg.errors.UndefinedFile,
    psycopg.errors.IoError,
    psycopg.errors.DataException,
    psycopg.errors.ProgramLimitExceeded,
)
"""What a broken page, row or long value is met with; anything else, such as a missing right, is not worked around."""
_SHOWN = 300


@dataclass(frozen=True, slots=True)
class SavedTable:
    """How many rows were got; ``skipped`` places could not be read; ``said`` is PostgreSQL's first message.

    ``whole`` False: rows are missing from it.
    """

    table: str
    rows: int = 0
    skipped: int = 0
    said: str = ""
    cut: bool = False

    @property
    def whole(self) -> bool:
        return not self.skipped and not self.cut and not self.said


@dataclass(frozen=True, slots=True)
class TableToSave:
    """A table, its columns that can be copied back, and the path of its file as messages name it."""

    schema: str
    name: str
    shown: str
    path: str
    columns: tuple[str, ...]


@dataclass(slots=True)
class Reach:
    """Where reading has come to: all up to and with the row at (``page``, ``row``); rows are counted from 1.

    The next attempt reads on to the page before ``limit``; None: to the end of the table. Pure.
    """

    page: int = 0
    row: int = 0
    limit: int | None = None
    skipped: int = 0
    _width: int = 1
    _in_gap: bool = False

    def got(self, page: int, row: int) -> None:
        """One row was read."""
        self.page, self.row, self._in_gap = page, row, False

    def attempt_ended(self) -> bool:
        """All before the limit was read; whether that was the whole table."""
        if self.limit is None:
            return True
        self.page, self.row, self._in_gap = self.limit, 0, False
        self._width *= 2
        self.limit = None if self._width > _WIDEST else self.page + self._width
        return False

    def attempt_failed(self, *, page_is_broken: bool) -> None:
        """Narrow it down to a single page; then give up that page, or the row behind the last that was read."""
        if self.limit is None or self.limit - self.page > 1:
            self._width = 1 if self.limit is None else max((self.limit - self.page) // 2, 1)
            self.limit = self.page + self._width
            return
        self.skipped += page_is_broken or not self._in_gap
        self._in_gap, self._width = True, 1
        if page_is_broken or self.row >= ROWS_PER_PAGE:
            self.page, self.row = self.page + 1, 0
        else:
            self.row += 1
        self.limit = self.page + 1


def tables_to_save(connection: Connection) -> tuple[TableToSave, ...]:
    """Every table of users, small ones first."""
    rows = connection.execute(query("tables_to_save"))
    return tuple(
        TableToSave(row["schema"], row["name"], row["shown"], row["path"], tuple(row["columns"])) for row in rows
    )


def save_table(
    connection: Connection, table: TableToSave, write: Callable[[bytes], object], deadline: float
) -> SavedTable:
    """Write the table as a COPY block of SQL. ``deadline`` is of the monotonic clock; what is not read then is missing.

    Raises psycopg's OperationalError when the server goes away.
    """
    source, columns = sql.Identifier(table.schema, table.name), sql.SQL(", ").join(map(sql.Identifier, table.columns))
    head = sql.SQL("COPY {} ({}) FROM stdin;").format(source, columns).as_string(connection)
    write(f"\n{head}\n".encode())
    saved = _save_rows(connection, table, write, deadline)
    write(b"\\.\n")
    return saved


def _save_rows(
    connection: Connection, table: TableToSave, write: Callable[[bytes], object], deadline: float
) -> SavedTable:
    reach, rows, said = Reach(), 0, ""
    while True:
        left = int((deadline - time.monotonic()) * 1000)
        if left <= 0:
            return SavedTable(table.shown, rows, reach.skipped, said, cut=True)
        try:
            connection.execute("SELECT set_config('statement_timeout', %s, false)", (str(left),))
            for line in _lines(connection, table, reach):
                place, _, rest = line.rstrip(b"\n").partition(b"\t")
                write(rest + b"\n")
                page, _, row = place.strip(b"()").partition(b",")
                reach.got(int(page), int(row))
                rows += 1
            if reach.attempt_ended():
                return SavedTable(table.shown, rows, reach.skipped, said)
        except psycopg.errors.QueryCanceled:
            return SavedTable(table.shown, rows, reach.skipped, said, cut=True)
        except psycopg.Error as error:
            if connection.closed:
                raise
            text = " ".join(str(error).split())
            said = said or text[:_SHOWN]
            if not isinstance(error, _DAMAGED):
                return SavedTable(table.shown, rows, reach.skipped, said)
            # The message names the file: it may be that of a row's long values, and then the page is sound.
            reach.attempt_failed(page_is_broken=bool(re.search(rf"{re.escape(table.path)}(?!\d)", text)))


def _lines(connection: Connection, table: TableToSave, reach: Reach) -> Iterator[bytes]:
    """The rows behind the place that was reached, each as COPY writes it, its place in front."""
    wanted = sql.SQL(", ").join(map(sql.Identifier, ("ctid", *table.columns)))
    condition = sql.SQL("ctid > {}::tid").format(sql.Literal(f"({reach.page},{reach.row})"))
    if reach.limit is not None:
        condition += sql.SQL(" AND ctid < {}::tid").format(sql.Literal(f"({reach.limit},0)"))
    statement = sql.SQL("COPY (SELECT {} FROM ONLY {} WHERE {}) TO STDOUT").format(
        wanted, sql.Identifier(table.schema, table.name), condition
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for data in copy:
            yield bytes(data)
