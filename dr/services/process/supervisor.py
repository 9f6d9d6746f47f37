"""The supervisor of one command: it starts it, starts it again when it ends, and stops it when it is told to.

SIGTERM stops the command in order and ends the supervisor; SIGQUIT kills what does not end. When the supervisor itself
is killed the kernel kills the command, so that nobody is left whom nobody looks after.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from dr.components.config.environment import parse
from dr.errors import ConfigurationError, DrError
from dr.pipeline.process import Child, Exit
from dr.services.process.files import (
    LOG,
    LOG_BYTES,
    OLD_LOG,
    TOLD,
    Doing,
    Recipe,
    Told,
    this_process,
    write,
)

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
GOOD_SECONDS = 30.0
"""What ran that long had not failed to start: the next pause is the shortest again."""
_LOOK_SECONDS = 1.0
_KEPT = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")
"""What a service has of the environment of whoever started it: a shell at 3 a.m. must not change how it runs."""


class Supervisor:
    """One command under supervision, in this process's main thread."""

    def __init__(self, directory: Path, recipe: Recipe) -> None:
        self._directory = directory
        self._recipe = recipe
        self._self = this_process(os.getpid())
        self._woken = threading.Event()
        self._stopping = self._killing = False
        self._failures = 0

    def run(self, log: BinaryIO) -> None:
        """Until SIGTERM. ``log`` gets what the command says."""
        for number, handler in (
            (signal.SIGTERM, self._on_term),
            (signal.SIGINT, self._on_term),
            (signal.SIGQUIT, self._on_quit),
            (signal.SIGCHLD, self._on_child),
            (signal.SIGHUP, self._on_child),
        ):
            signal.signal(number, handler)
        while not self._stopping:
            detail = self._once(log)
            if not self._stopping:
                self._pause(detail, log)
        self._tell(Doing.STOPPED, "stopped when it was told to")

    def _once(self, log: BinaryIO) -> str:
        """Run it once; how it ended."""
        begin = time.monotonic()
        try:
            child = Child(
                self._recipe.service,
                self._recipe.argv,
                environment=self._environment(),
                account=self._recipe.account,
                stdout=log,
                stderr=log,
                directory=Path(self._recipe.directory) if self._recipe.directory else None,
            )
        except (DrError, OSError) as error:
            self._failures += 1
            return " ".join(str(error).split())
        with child:
            self._tell(Doing.RUNNING, "", child)
            ended = self._wait(child, log)
        self._failures = 1 if time.monotonic() - begin > GOOD_SECONDS else self._failures + 1
        return str(ended)

    def _wait(self, child: Child, log: BinaryIO) -> Exit:
        told = False
        while (ended := child.poll()) is None:
            if self._stopping and not told:
                child.signal(signal.Signals[f"SIG{self._recipe.stop_signal}"])
                told = True
            if self._killing:
                child.kill_group()
            self._sleep(_LOOK_SECONDS, log)
        return ended

    def _pause(self, detail: str, log: BinaryIO) -> None:
        seconds = min(FIRST_PAUSE * 2 ** (self._failures - 1), LONGEST_PAUSE)
        self._tell(Doing.PAUSING, f"{detail}; started again after {seconds:g} s")
        end = time.monotonic() + seconds
        while not self._stopping and (left := end - time.monotonic()) > 0:
            self._sleep(left, log)

    def _sleep(self, seconds: float, log: BinaryIO) -> None:
        self._woken.wait(seconds)
        self._woken.clear()
        self._bound(log)

    def _bound(self, log: BinaryIO) -> None:
        """The command keeps its file open, so a log that is full is copied aside and emptied."""
        if os.fstat(log.fileno()).st_size > LOG_BYTES:
            aside = self._directory / f".{OLD_LOG}"
            with (self._directory / LOG).open("rb") as full, aside.open("wb") as copy:
                full.seek(-LOG_BYTES, os.SEEK_END)
                copy.write(full.read(LOG_BYTES))
            aside.replace(self._directory / OLD_LOG)
            os.ftruncate(log.fileno(), 0)

    def _environment(self) -> Mapping[str, str]:
        file = self._recipe.environment_file
        if not file:
            return {}
        found = parse(Path(file).read_text(encoding="utf-8", errors="surrogateescape"))
        if found is None:
            raise ConfigurationError(f"{file} holds more than NAME=value lines", hint="Correct it.")
        return found

    def _tell(self, doing: Doing, detail: str, child: Child | None = None) -> None:
        process = None if child is None else this_process(child.process.pid)
        told = Told(self._self, doing, datetime.now(UTC), self._failures, detail, process)
        write(self._directory, TOLD, told)

    def _on_term(self, *_: object) -> None:
        self._stopping = True
        self._woken.set()

    def _on_quit(self, *_: object) -> None:
        self._stopping = self._killing = True
        self._woken.set()

    def _on_child(self, *_: object) -> None:
        self._woken.set()


def forget_caller(recipe: Recipe) -> None:
    """Keep of our environment what every service has; the rest was the caller's own."""
    for name in [name for name in os.environ if name not in _KEPT]:
        del os.environ[name]
    if recipe.home:
        os.environ["HOME"] = recipe.home
