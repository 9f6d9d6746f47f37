"""Kill a service of the product: at once, with SIGKILL, and nothing starts it again by itself.

A supervisor of ours goes first, or it would begin the service anew. What another program runs is stopped through that
program, which is as much as can be done to it without leaving it in a state of its own that nobody undoes.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

from dr.configuration.model import System
from dr.pipeline.process_table import session_members
from dr.services.process.files import Process, read_told
from dr.services.protocol import State
from dr.services.registry import service

_GONE_SECONDS = 10.0


def kill_service(system: System, name: str, seconds: float) -> str:
    """Kill it; what was done, in words. Raises ``ServiceError`` when a driver cannot stop it."""
    settings = next(item for item in system.procedures.services if item.name == name)
    if settings.driver != "process":
        service(system, name).stop(seconds)
        return f"{name} stopped through {settings.driver}"
    told = read_told(system.state_directory / "services" / system.name / name)
    if told is None or service(system, name).status(seconds).state is State.STOPPED:
        return f"{name} did not run"
    for process in (told.supervisor, told.child):
        if process is not None:
            _kill(process)
    pid = told.child.pid if told.child is not None else told.supervisor.pid
    return f"{name} killed (process {pid})"


def _kill(process: Process) -> None:
    members = {*session_members(process.pid, process.start), *((process.pid,) if process.alive else ())}
    for pid in members:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + _GONE_SECONDS
    while process.alive and time.monotonic() < until:
        time.sleep(0.02)
