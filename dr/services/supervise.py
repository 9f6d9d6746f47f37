"""``python -m dr.services.supervise DIRECTORY``: supervise the command of that directory's recipe, in the background.

It returns when the supervisor is there, with exit status 1 and the reason when there will be none. The supervisor is a
session of its own: it outlives whoever started it, and nothing that ends with that one ends with him.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from pathlib import Path

import msgspec

from dr.services.process.files import LOCK, LOG, read_recipe
from dr.services.process.supervisor import Supervisor, forget_caller

_LOCK_SECONDS = 10.0
_READY = b"ready"


def main(directory: Path) -> int:
    """The exit status of the process that was started; the supervisor is a child of it and goes on."""
    read_end, write_end = os.pipe()
    if os.fork() == 0:
        os.close(read_end)
        _become_daemon(directory, write_end)
        return 0
    os.close(write_end)
    with os.fdopen(read_end, "rb") as stream:
        said = stream.read()
    if said == _READY:
        return 0
    sys.stderr.write(said.decode(errors="replace") or "the supervisor died at once\n")
    return 1


def _become_daemon(directory: Path, ready: int) -> None:
    os.setsid()
    descriptor = os.open(directory / LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "ab", buffering=0) as log, Path(os.devnull).open("rb") as nothing:
        for number, target in ((0, nothing), (1, log), (2, log)):
            os.dup2(target.fileno(), number)
        lock = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(lock)
            recipe = read_recipe(directory)
        except (OSError, msgspec.DecodeError) as error:
            os.write(ready, f"{directory.name} cannot be supervised: {error}\n".encode())
            return
        os.umask(0o022)
        forget_caller(recipe)
        supervisor = Supervisor(directory, recipe)
        os.write(ready, _READY)
        os.close(ready)
        supervisor.run(log)


def _lock(descriptor: int) -> None:
    """Held to our end. Two supervisors of one service would start it twice."""
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise BlockingIOError("another supervisor is at work on it") from None
            time.sleep(0.05)
        else:
            return


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
