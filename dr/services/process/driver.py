"""The driver of a supervised command. The supervisor is a process of its own and outlives this one."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import signal
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import dr
from dr.components.config.environment import parse
from dr.configuration.procedures.services import ServiceSettings
from dr.errors import ConfigurationError, ServiceError
from dr.pipeline.launch import Account
from dr.pipeline.process import run
from dr.pipeline.process_table import session_members
from dr.postgres.account import account_for
from dr.services.deployed import Deployed
from dr.services.process.files import RECIPE, TOLD, Doing, Process, Recipe, Told, log_tail, read_told, write
from dr.services.protocol import State, Status
from dr.services.words import LINES, masked

_PAUSE = 0.05
_SETTLED_SECONDS = 0.5
"""What ends within this was not started."""
_TRIES = 3
_ORDERLY = 0.8
"""The share of a stop's time that the command has for itself, before it is killed."""
_KILLED = 0.9
_SECRET_NAME = re.compile(r"(?i)PASS|SECRET|TOKEN|KEY|URL|DSN|CREDENTIAL|AUTH")
_SHORTEST_SECRET = 6


@dataclass(frozen=True, slots=True)
class ProcessService(Deployed):
    """A command that we supervise; ``place`` is the directory of its files."""

    place: Path

    def status(self, seconds: float) -> Status:
        """By the supervisor's files and the table of processes; nobody is waited for."""
        release = self.current_release()
        try:
            told = read_told(self.place)
        except ServiceError as error:
            return Status(self.name, State.UNKNOWN, str(error), release)
        state, detail = _judged(told)
        return Status(self.name, state, detail, release)

    def stop(self, seconds: float) -> None:
        """In order, by its own signal; what does not end in four fifths of the time is killed with all it started.

        A supervisor that does not even do that is killed too, at nine tenths, and the kernel ends its command.
        """
        told = read_told(self.place)
        if told is None:
            return
        begin = time.monotonic()
        for number, share in ((signal.SIGTERM, _ORDERLY), (signal.SIGQUIT, _KILLED), (signal.SIGKILL, 1.0)):
            if self._is_supervised(told):
                _send(told.supervisor.pid, number)
                while time.monotonic() - begin < seconds * share and self._is_supervised(told):
                    time.sleep(_PAUSE)
        if self._is_supervised(told):
            raise ServiceError(
                f"{self.name} does not stop within {seconds:.0f} s",
                detail=self.last_words(seconds),
                hint=f"Its supervisor is process {told.supervisor.pid}.",
            )
        told = read_told(self.place) or told
        _end_remains(told.child)
        if told.doing is not Doing.STOPPED:
            write(self.place, TOLD, replace(told, doing=Doing.STOPPED, detail="its supervisor was killed"))

    def start(self, seconds: float) -> None:
        """Nothing happens to one that runs. One that keeps failing is left to its supervisor, which tries on."""
        told = read_told(self.place)
        if told is not None and told.doing is Doing.RUNNING and told.supervisor.alive:
            self._wait_until_settled(seconds)
            return
        self.stop(seconds)  # a supervisor that pauses has an older recipe
        self.place.mkdir(mode=0o700, parents=True, exist_ok=True)
        write(self.place, RECIPE, self._recipe())
        argv = (sys.executable, "-m", "dr.services.supervise", str(self.place))
        here = Path(dr.__file__).parents[1]
        ended, _ = run(f"supervisor of {self.name}", argv, directory=here, deadline_seconds=seconds)
        if not ended.ok:
            raise ServiceError(f"{self.name} is not started", str(ended), "Look at the message; then start it again.")
        self._wait_until_settled(seconds)

    def last_words(self, seconds: float) -> str:
        """The end of its log, without the values of its environment that are secret."""
        return masked(log_tail(self.place, LINES), self._secrets())

    def _is_supervised(self, told: Told) -> bool:
        """Whether that supervisor still has something to do; it takes a moment to end after it has said so."""
        if not told.supervisor.alive:
            return False
        now = read_told(self.place)
        return now is None or now.supervisor != told.supervisor or now.doing is not Doing.STOPPED

    def _wait_until_settled(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while True:
            told = read_told(self.place)
            state, detail = _judged(told)
            if state is State.RUNNING:
                return
            failed = told is not None and told.failures >= _TRIES
            if failed or time.monotonic() > deadline or (state is State.FAILED and not _has_supervisor(told)):
                raise ServiceError(
                    f"{self.name} does not start: {detail}",
                    detail=self.last_words(seconds),
                    hint="These are its last words. Its supervisor goes on trying; `dr recover-app` looks again.",
                )
            time.sleep(_PAUSE)

    def _recipe(self) -> Recipe:
        settings = self.settings
        if not settings.command:
            raise ConfigurationError(
                f"services.{self.name} has no command", hint=f"Set services.{self.name}.command to what starts it."
            )
        account, home = _account(settings)
        return Recipe(
            service=self.name,
            argv=settings.command,
            directory=str(settings.directory or ""),
            environment_file=str(settings.environment_file or ""),
            account=account,
            home=home,
            stop_signal=settings.stop_signal,
        )

    def _secrets(self) -> tuple[str, ...]:
        file = self.settings.environment_file
        try:
            found = parse(file.read_text(encoding="utf-8", errors="surrogateescape")) if file is not None else None
        except OSError:
            found = None
        return tuple(
            value
            for name, value in (found or {}).items()
            if _SECRET_NAME.search(name) and len(value) >= _SHORTEST_SECRET
        )


def _judged(told: Told | None) -> tuple[State, str]:
    if told is None:
        return State.STOPPED, "never started on this host"
    if told.doing is Doing.STOPPED:
        return State.STOPPED, told.detail
    if not told.supervisor.alive:
        return State.FAILED, "its supervisor is gone, and it with that"
    if told.doing is Doing.PAUSING or told.child is None or not told.child.alive:
        return State.FAILED, told.detail or "it has just ended"
    again = f", which had to be started again {told.failures} times" if told.failures else ""
    detail = f"process {told.child.pid} since {told.since:%Y-%m-%d %H:%M:%S}Z{again}"
    return (State.STARTING if _seconds_since(told) < _SETTLED_SECONDS else State.RUNNING), detail


def _seconds_since(told: Told) -> float:
    return time.time() - told.since.timestamp()


def _has_supervisor(told: Told | None) -> bool:
    return told is not None and told.supervisor.alive


def _account(settings: ServiceSettings) -> tuple[Account, str]:
    """Who runs it, and where that one is at home ("" for our own)."""
    if os.geteuid() != 0:
        return Account(), ""
    if settings.user:
        try:
            entry = pwd.getpwnam(settings.user)
        except KeyError:
            raise ConfigurationError(
                f"services.{settings.name}.user: there is no account {settings.user} here", hint="Correct the name."
            ) from None
        return Account(entry.pw_uid, entry.pw_gid), entry.pw_dir
    if settings.owner_of is not None and settings.owner_of.exists():
        return account_for(settings.owner_of), ""
    return Account(), ""


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _end_remains(child: Process | None) -> None:
    """What a command has left behind whose supervisor was killed: its workers may still hold its port."""
    if child is not None:
        for pid in session_members(child.pid, child.start):
            _send(pid, signal.SIGKILL)
