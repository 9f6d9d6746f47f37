"""What a child process says on its standard error, read as it comes and kept within bounds."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import IO

_KEPT = 64 * 1024
DROPPED = "\n...\n"


class Tail(threading.Thread):
    """Reads a child's stderr to its end, keeping the beginning and the end of it."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(daemon=True, name="stderr")
        self._stream = stream
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = False
        self.start()

    def run(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while data := os.read(self._stream.fileno(), 8192):
                room = _KEPT - len(self._head)
                self._head += data[:room]
                self._tail += data[room:]
                self._dropped |= len(self._tail) > _KEPT
                del self._tail[:-_KEPT]

    def so_far(self) -> str:
        middle = DROPPED if self._dropped else ""
        return self._head.decode(errors="replace") + middle + self._tail.decode(errors="replace")

    def text(self) -> str:
        self.join(timeout=5)
        return self.so_far()
