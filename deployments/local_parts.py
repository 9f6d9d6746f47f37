"""The processes of the local install: begun apart from this one, found again by later commands, ended for certain.

A pid file alone is not trusted, since pids are used again: it holds when the process began, too. Every process also
inherits a mark in its environment, so that what a killed worker left behind (a backup in full flight) is found and
ended without ending anything that is not ours.
"""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from deployments.processes import Process, carrying, end_all, process
from dr.errors import ToolError

MARK = "COREFLOW360_LOCAL_INSTALL"
_LEFT_BEHIND_SECONDS = 30.0
_ASKED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Part:
    """One process of the install: its pid file, its log, and how long it may take to end by itself."""

    def __init__(self, name: str, directory: Path, patience_seconds: float) -> None:
        self.name = name
        self.log = directory / "log" / f"{name}.log"
        self._file = directory / "run" / f"{name}.json"
        self._patience = patience_seconds

    def begin(self, argv: Sequence[str], environment: Mapping[str, str], directory: Path) -> None:
        """Start it in a session of its own, so that neither Ctrl-C nor a closed terminal here reaches it."""
        for file in (self.log, self._file):
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.log.open("ab") as log, _ordinary_signals():
            try:
                begun = subprocess.Popen(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=dict(environment),
                    cwd=directory,
                    start_new_session=True,
                )
            except OSError as error:
                raise ToolError(
                    f"cannot run {argv[0]}",
                    detail=str(error),
                    hint="Build the environment anew: make clean, then make up.",
                ) from error
        self._file.write_text(json.dumps(asdict(process(begun.pid))), encoding="utf-8")

    def running(self) -> Process | None:
        """The process, if it is the one that we began and still alive."""
        try:
            known = Process(**json.loads(self._file.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None  # none, or cut off by a full disk: then the mark still finds the process
        return known if known.alive else None

    def end(self) -> str:
        """Ask it to end, then make it; says what was needed. Empty when none was begun."""
        running = self.running()
        if running is not None:
            willing = end_all([running], self._patience)
            said = "ended" if willing else f"killed: it did not end within {self._patience:.0f} s"
        else:
            said = "had ended by itself" if self._file.exists() else ""
        self._file.unlink(missing_ok=True)
        return said

    def last_words(self, lines: int = 15) -> str:
        """The end of its log."""
        try:
            return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""


def end_marked(mark: str) -> int:
    """End every process that carries the mark; how many there were. They are what is left when a part was killed."""
    found = carrying(MARK, mark)
    end_all(found, _LEFT_BEHIND_SECONDS)
    return len(found)


@contextmanager
def _ordinary_signals() -> Iterator[None]:
    """Let the child have the default handlers.

    A shell that runs us in the background lets us ignore SIGINT, and children inherit that. Prefect's worker ends by
    sending itself SIGINT, so such a worker would never end.
    """
    before = {number: signal.signal(number, signal.SIG_DFL) for number in _ASKED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
