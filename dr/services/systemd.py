"""The driver of a unit of systemd, of the machine's manager or of the user's own."""

from __future__ import annotations

from dataclasses import dataclass

from dr.errors import DrError
from dr.services.command import required, tried, wait_until_down, wait_until_running
from dr.services.deployed import Deployed
from dr.services.protocol import State, Status
from dr.services.words import LINES, masked

_PROPERTIES = "LoadState,ActiveState,SubState,Result,NRestarts,ExecMainStatus,StatusText"
_STATES = {
    "active": State.RUNNING,
    "reloading": State.RUNNING,
    "refreshing": State.RUNNING,
    "activating": State.STARTING,
    "deactivating": State.UNKNOWN,
    "inactive": State.STOPPED,
    "failed": State.FAILED,
}
_SHORT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class SystemdService(Deployed):
    """A unit. Whoever runs this needs the right to stop and start it: root, or a rule of polkit."""

    def status(self, seconds: float) -> Status:
        """By ``systemctl show``, whose output is made for programs."""
        release = self.current_release()
        try:
            output, problem = tried(self._systemctl("show", f"--property={_PROPERTIES}", self._unit), seconds)
        except DrError as error:
            return Status(self.name, State.UNKNOWN, error.message, release)
        if problem:
            return Status(self.name, State.UNKNOWN, problem, release)
        state, detail = judged(dict(line.split("=", 1) for line in output.splitlines() if "=" in line))
        return Status(self.name, state, detail, release)

    def stop(self, seconds: float) -> None:
        """Restart= does not bring back what was stopped this way; a socket or timer that triggers it still does."""
        required(self.name, "stop", self._systemctl("--no-block", "stop", self._unit), seconds, None)
        wait_until_down(
            lambda: self.status(_SHORT_SECONDS),
            lambda: tried(self._systemctl("kill", "--signal=SIGKILL", self._unit), _SHORT_SECONDS),
            lambda: self.last_words(_SHORT_SECONDS),
            seconds,
        )
        self._forget_failures()

    def start(self, seconds: float) -> None:
        self._forget_failures()  # a unit that failed too often is refused otherwise
        required(self.name, "start", self._systemctl("--no-block", "start", self._unit), seconds, None)
        wait_until_running(
            lambda: self.status(_SHORT_SECONDS),
            lambda: self.last_words(_SHORT_SECONDS),
            seconds,
            frozenset({State.RUNNING}),
        )

    def last_words(self, seconds: float) -> str:
        """The end of its journal, where whoever runs this may read that."""
        argv = ("journalctl", *self._manager, "--unit", self._unit, f"--lines={LINES}", "--no-pager", "--output=cat")
        try:
            output, _ = tried(argv, seconds)
        except DrError:
            return ""
        return masked(output)

    @property
    def _manager(self) -> tuple[str, ...]:
        return ("--user",) if self.settings.user_manager else ()

    @property
    def _unit(self) -> str:
        return self.settings.unit or self.name

    def _systemctl(self, *words: str) -> tuple[str, ...]:
        return ("systemctl", *self._manager, "--no-ask-password", *words)

    def _forget_failures(self) -> None:
        tried(self._systemctl("reset-failed", self._unit), _SHORT_SECONDS)


def judged(told: dict[str, str]) -> tuple[State, str]:
    """State and detail of a unit by its properties.

    >>> judged({"LoadState": "loaded", "ActiveState": "activating", "SubState": "auto-restart", "Result": "exit-code"})
    (<State.FAILED: 'failed'>, 'activating (auto-restart), exit-code')
    >>> judged({"LoadState": "not-found"})
    (<State.UNKNOWN: 'unknown'>, 'systemd knows no such unit: not-found')
    """
    load = told.get("LoadState", "")
    if load not in ("loaded", "masked"):
        return State.UNKNOWN, f"systemd knows no such unit: {load or 'no answer'}"
    active, below = told.get("ActiveState", ""), told.get("SubState", "")
    state = _STATES.get(active, State.UNKNOWN)
    if below == "auto-restart":
        state = State.FAILED
    more = [told[key] for key in ("Result", "StatusText") if told.get(key) and told[key] != "success"]
    if told.get("NRestarts", "0") not in ("0", ""):
        more.append(f"started again {told['NRestarts']} times")
    words = f"{active} ({below})" if load == "loaded" else f"{active} ({below}), masked"
    return state, ", ".join([words, *more])
