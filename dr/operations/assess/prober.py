"""The processes that ask, seen from outside: begun before anything else is known, ended whatever they are doing.

Light on purpose: while this process still imports and reads its configuration, they get ready.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from enum import StrEnum

from dr.operations.assess.scratch import scratch_directory
from dr.pipeline.leaving import end_or_leave
from dr.pipeline.process import Child


class Lane(StrEnum):
    """One process that asks; the value is its module in ``probes``."""

    DATABASE = "database"
    STANDBY = "standby"
    PRODUCT = "product"
    FILES = "files"
    KEY = "key"
    COPIES = "copies"


class Prober:
    """One process for each lane, with a socket to each. Use as a context manager.

    Raises ``ToolError`` when no process can be begun at all. A process that hangs in the kernel cannot be killed or
    reaped: it is told to end, and nobody waits for it.
    """

    def __init__(self) -> None:
        # Keys that are imported for a test must not stay behind when gpg hangs and its process is killed.
        self.scratch = scratch_directory()
        pairs = {lane: socket.socketpair() for lane in Lane}
        self.ends = {lane: ours for lane, (ours, _) in pairs.items()}
        theirs = {lane: end for lane, (_, end) in pairs.items()}
        words = [f"{lane}={end.fileno()}" for lane, end in theirs.items()]
        try:
            self._child = Child(
                "assess",
                (sys.executable, "-m", "dr.operations.assess.lane", *words),
                # Our own program: it needs what we were given, credentials included.
                environment={**os.environ, "TMPDIR": str(self.scratch)},
                pass_fds=tuple(end.fileno() for end in theirs.values()),
                stdin=subprocess.DEVNULL,
            )
        except BaseException:
            self._let_go()
            raise
        finally:
            for end in theirs.values():
                end.close()

    def last_words(self) -> str:
        """The last line of what the processes have written to their standard error."""
        return self._child.stderr_so_far().strip().rpartition("\n")[2]

    def __enter__(self) -> Prober:
        return self

    def __exit__(self, *exc: object) -> None:
        end_or_leave([self._child])
        self._let_go()

    def _let_go(self) -> None:
        for end in self.ends.values():
            end.close()
        shutil.rmtree(self.scratch, ignore_errors=True)
