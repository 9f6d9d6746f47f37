"""A rich console as this program wants it: no markup in what operators named, whole lines for pipes and files."""

from __future__ import annotations

from typing import IO

from rich.console import Console

from dr.cli.output import discard

_UNLIMITED = 10_000


class Terminal(Console):
    """The console of one stream. A reader that goes away does not end the work."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(
            file=stream,
            width=None if stream.isatty() else _UNLIMITED,
            markup=False,
            highlight=False,
            emoji=False,
        )

    def on_broken_pipe(self) -> None:
        """Called by rich; its own answer would be to exit."""
        self.quiet = True
        discard(self.file)
