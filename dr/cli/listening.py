"""What the library logs, as lines on standard error: warnings always, every step with ``-v``."""

from __future__ import annotations

import logging

from dr.cli.output import Output

_LOGGERS = ("dr", "tasks", "flows", "deployments")


class _Lines(logging.Handler):
    """Through the command's own output, so that a progress bar stays whole and no secret gets out."""

    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        """One line, beginning with the level."""
        self._output.note(f"{record.levelname}: {record.getMessage()}")


def listen(output: Output, *, verbose: bool) -> None:
    """Show the library's messages from now on.

    The limit is the terminal's alone: what Prefect shows of the same run has its own handlers, and gets every step.
    """
    lines = _Lines(output)
    lines.setLevel(logging.INFO if verbose else logging.WARNING)
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(logging.INFO)
        logger.handlers = [lines, *(handler for handler in logger.handlers if not isinstance(handler, _Lines))]
        logger.propagate = False
