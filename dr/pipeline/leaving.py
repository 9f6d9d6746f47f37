"""Ending child processes without waiting for one that cannot be ended.

What hangs in the kernel (a file system that does not answer) is neither killed nor reaped before its call returns, and
whoever waits for it hangs as well. Such a child is told to end and left to the kernel.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress

from dr.pipeline.process import Child

_PAUSE_SECONDS = 0.02


def end_or_leave(children: Sequence[Child], patience_seconds: float = 0.3) -> None:
    """Kill all of them and let go of their pipes; reap those that end within ``patience_seconds`` together."""
    waiting = list(children)
    for child in waiting:
        child.kill_group()
    until = time.monotonic() + patience_seconds
    while waiting:
        waiting = [child for child in waiting if child.poll() is None]
        if time.monotonic() >= until:
            break
        time.sleep(_PAUSE_SECONDS if waiting else 0)
    for child in children:
        if child not in waiting:
            child.close()
            continue
        for stream in (child.process.stdin, child.process.stdout):  # a thread still reads what it says beside them
            if stream is not None:
                with suppress(OSError):
                    stream.close()
