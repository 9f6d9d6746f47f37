"""The files of one supervised service: what is to run, what the supervisor says of it, and what it has said itself.

They lie below the state directory, for their owner's eyes. None of them holds a value of the environment: the recipe
only names the file with it.
"""

from __future__ import annotations

import os
import secrets
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import msgspec

from dr.errors import ServiceError
from dr.pipeline.launch import Account
from dr.pipeline.process_table import boot, process_start

RECIPE, TOLD, LOG, OLD_LOG, LOCK = "recipe.json", "status.json", "log", "log.1", "lock"
LOG_BYTES = 4 << 20


class Doing(StrEnum):
    """What the supervisor is at."""

    RUNNING = "running"
    PAUSING = "pausing"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to run it. ``account`` is who runs it, ``home`` where that one is at home ("": where we are)."""

    service: str
    argv: tuple[str, ...]
    directory: str
    environment_file: str
    account: Account
    home: str
    stop_signal: str


@dataclass(frozen=True, slots=True)
class Process:
    """One process of one boot of this machine."""

    pid: int
    start: str
    boot: str

    @property
    def alive(self) -> bool:
        """Whether it runs; another one that was given its number does not count."""
        return bool(self.start) and process_start(self.pid) == self.start and self.boot == boot()


@dataclass(frozen=True, slots=True)
class Told:
    """What a supervisor said last. ``failures`` in a row; ``since``: when it began to do what it does."""

    supervisor: Process
    doing: Doing
    since: datetime
    failures: int = 0
    detail: str = ""
    child: Process | None = None


# Made before there are threads: of two that meet a type for the first time, one sees it half built and dies (SIGSEGV).
_recipe, _told = msgspec.json.Decoder(Recipe), msgspec.json.Decoder(Told)


def this_process(pid: int) -> Process:
    """A process that runs now, to be known again later."""
    return Process(pid, process_start(pid), boot())


def write(directory: Path, name: str, value: Recipe | Told) -> None:
    """Replace the file whole: a reader sees the one before or this one."""
    temporary = directory / f".{name}.{secrets.token_hex(4)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(msgspec.json.encode(value))
    temporary.replace(directory / name)


def read_recipe(directory: Path) -> Recipe:
    """What was to run. Raises ``OSError`` or ``msgspec.DecodeError``."""
    return _recipe.decode((directory / RECIPE).read_bytes())


def read_told(directory: Path) -> Told | None:
    """The last words of the last supervisor; None where there was none. Raises ``ServiceError``."""
    file = directory / TOLD
    try:
        return _told.decode(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise ServiceError(
            f"{file} does not tell how {directory.name} is", str(error), "Remove it; look for its processes by hand."
        ) from error


def log_tail(directory: Path, lines: int) -> str:
    """What it has said last, on either stream."""
    kept: deque[str] = deque(maxlen=lines)
    for name in (OLD_LOG, LOG):
        try:
            with (directory / name).open("rb") as stream:
                stream.seek(max(0, os.fstat(stream.fileno()).st_size - (64 << 10)))
                kept.extend(stream.read().decode(errors="replace").splitlines())
        except FileNotFoundError:
            continue
    return "\n".join(kept)
