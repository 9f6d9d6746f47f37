"""Containers of the stand-ins: a real child process each, with a keeper that notes how it is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PLACE = Path(os.environ.get("STAND_IN", "."))
TICK = 0.02
MAIN = ("-m", "tests.integration.services.stand_in")


def say(text: str) -> None:
    """As the program that is stood for says it."""
    sys.stdout.write(text + "\n")


def refuse(text: str) -> int:
    """Its message, and its exit status."""
    sys.stderr.write(text + "\n")
    return 1


def apart(*words: str) -> None:
    """Do the rest in a process of its own."""
    nothing = subprocess.DEVNULL
    argv = (sys.executable, *MAIN, *words)
    subprocess.Popen(argv, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)


def keep(state: Path, restart: bool, argv: list[str]) -> None:
    """Run the command, note how it is, and start it again where that is wanted, a little later each time."""
    ordered = []
    signal.signal(signal.SIGTERM, lambda *_: ordered.append(True))
    restarts = 0
    while True:
        with state.with_suffix(".log").open("ab") as log:
            child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        note(state, keeper=os.getpid(), pid=child.pid, running=True, restarts=restarts, code=0)
        told = False
        while child.poll() is None:
            if ordered and not told:
                child.terminate()
                told = True
            time.sleep(TICK)
        code = child.returncode if child.returncode >= 0 else 128 - child.returncode
        note(state, keeper=os.getpid(), pid=child.pid, running=False, restarts=restarts, code=code)
        if ordered or not restart:
            return
        restarts += 1
        time.sleep(min(0.1 * 2**restarts, 2))


def note(state: Path, **values: object) -> None:
    """Replace the file whole."""
    temporary = state.with_suffix(".new")
    temporary.write_text(json.dumps(values))
    temporary.replace(state)


def begin(state: Path, argv: list[str], *, restart: bool) -> None:
    """Begin a container; it has been started when this returns."""
    state.unlink(missing_ok=True)
    apart("keep", str(state), "restart" if restart else "once", *argv)
    while not state.exists():
        time.sleep(TICK)


def seen(state: Path) -> dict[str, Any]:
    """How it is; empty where there is none."""
    try:
        found: dict[str, Any] = json.loads(state.read_text())
    except FileNotFoundError:
        return {}
    return found


def end(state: Path, seconds: float) -> None:
    """SIGTERM, and SIGKILL after ``seconds``."""
    found = seen(state)
    if not found.get("running"):
        kill(found.get("keeper"), signal.SIGKILL)
        return
    kill(found["keeper"], signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while seen(state)["running"]:
        if time.monotonic() > deadline:
            kill(found["pid"], signal.SIGKILL)
        time.sleep(TICK)


def kill(pid: int | None, number: signal.Signals) -> None:
    """A signal for a process that may have gone."""
    if pid:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return


def tail(state: Path, lines: int) -> None:
    """The end of what a container has said."""
    log = state.with_suffix(".log")
    say("\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else "")
