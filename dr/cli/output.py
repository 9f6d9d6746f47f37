"""Where a command's words go: the answer to standard output, everything else to standard error.

With ``--json`` the answer is one document, written once, at the end, whether the command went well or not.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

from dr.cli.redaction import redact, redact_all

if TYPE_CHECKING:
    from rich.console import Console

Row = Mapping[str, object]


class Output:
    """The terminal of one command. ``document`` is what ``--json`` answers."""

    def __init__(self, *, json: bool = False) -> None:
        self.json = json
        self.document: dict[str, object] = {}
        self._consoles: dict[str, Console] = {}

    @contextlib.contextmanager
    def isolated(self) -> Iterator[None]:
        """With ``--json``, keep whatever prints by itself off standard output."""
        if not self.json:
            yield
            return
        with contextlib.redirect_stdout(sys.stderr):
            yield

    def say(self, text: str = "") -> None:
        """A line of the answer; people only."""
        if not self.json:
            self._print(sys.stdout, text)

    def note(self, text: str) -> None:
        """A line about the work, on standard error."""
        self._print(sys.stderr, text)

    def ask(self, question: str) -> None:
        """A question, on standard error, without a line's end: the answer is read from standard input."""
        self.console(sys.stderr).print(question, end="", soft_wrap=True)

    def error(self, message: str, detail: str, hint: str, notes: Sequence[str] = ()) -> None:
        """What went wrong, in PostgreSQL's manner."""
        from rich.text import Text

        lines = [("ERROR", message, "bold red"), ("DETAIL", detail, ""), ("HINT", hint, "bold")]
        lines += [("NOTE", note, "") for note in notes]
        for word, text, style in lines:
            if text:
                line = Text.assemble((f"{word}:", style), " ", redact(text))
                self.console(sys.stderr).print(line, soft_wrap=True)

    def table(self, title: str, rows: Sequence[Row]) -> None:
        """Rows of the answer, people only; columns that are empty throughout are left out."""
        if self.json or not rows:
            return
        columns = [name for name in rows[0] if any(row.get(name) not in (None, "") for row in rows)]
        from rich import box
        from rich.table import Table
        from rich.text import Text

        console = self.console(sys.stdout)
        table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
        for name in columns:
            table.add_column(name, justify="right" if _is_numeric(rows, name) else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(redact(_cell(row.get(name)))) for name in columns))
        console.print(table)

    def close(self) -> None:
        """Write the document, and everything that is still in a buffer. A reader that has gone is no error."""
        text = json.dumps(redact_all(self.document), indent=1, default=str, ensure_ascii=False) + "\n"
        for stream in (sys.stdout, sys.stderr):
            try:
                if self.json and stream is sys.stdout:
                    stream.write(text)
                stream.flush()
            except BrokenPipeError:
                discard(stream)

    def console(self, stream: IO[str]) -> Console:
        """The rich console of one of the two streams."""
        from dr.cli.terminal import Terminal

        key = "out" if stream is sys.stdout else "err"
        if key not in self._consoles:
            self._consoles[key] = Terminal(stream)
        return self._consoles[key]

    def _print(self, stream: IO[str], text: str) -> None:
        self.console(stream).print(redact(text), soft_wrap=True)


def discard(stream: IO[str]) -> None:
    """``dr list | head -1`` is no failure: once the reader has gone, the rest goes nowhere and the work goes on."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _is_numeric(rows: Sequence[Row], name: str) -> bool:
    return all(isinstance(row.get(name), int | float | None) for row in rows)


def plain(value: Any) -> Any:
    """Dataclasses, enums, dates, tuples and positions in the WAL as what JSON knows."""
    import msgspec

    from dr.catalog.lsn import encode_lsn

    return msgspec.to_builtins(value, enc_hook=encode_lsn)
