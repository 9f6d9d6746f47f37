"""What the library logs: how much of it the terminal shows, and that others are shown all the same."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from dr.cli.listening import listen
from dr.cli.output import Output

LOGGERS = ("dr", "tasks", "flows", "deployments")


class Kept(logging.Handler):
    """Another's handler, as Prefect attaches one for the log of a run."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line."""
        self.lines.append(record.getMessage())


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Loggers are the process's: later tests find them as they were."""
    found = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger.level, logger.handlers, logger.propagate) for logger in found]
    yield
    for logger, (level, handlers, propagate) in zip(found, before, strict=True):
        logger.setLevel(level)
        logger.handlers, logger.propagate = handlers, propagate


@pytest.mark.parametrize(("verbose", "shown"), [(False, ["WARNING: late"]), (True, ["INFO: moved", "WARNING: late"])])
@pytest.mark.parametrize("attached", ["before", "after"])
def test_a_quiet_terminal_does_not_silence_the_log_of_a_run(
    verbose: bool, shown: list[str], attached: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every step reaches the other's handler, and each line is shown once however often a command begins."""
    logger, others = logging.getLogger("dr"), Kept()
    logger.handlers = [others] if attached == "before" else []
    for _ in range(2):
        listen(Output(), verbose=verbose)
    if attached == "after":
        logger.addHandler(others)

    logging.getLogger("dr.pipeline").info("moved")
    logging.getLogger("dr.pipeline").warning("late")

    assert others.lines == ["moved", "late"]
    assert [line for line in capsys.readouterr().err.splitlines() if line] == shown
