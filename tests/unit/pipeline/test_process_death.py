"""When we are killed, our children die: a dump must not go on holding its locks, nor a gpg its keys."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
# A shell's background job ignores SIGQUIT, and its children would inherit that; a server sets its own handler.
PARENT = """
import signal, sys, time
from dr.pipeline.process import Child
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
with Child("sleep", ("sleep", "60"), death_signal=sys.argv[1]) as child:
    print(child.process.pid, flush=True)
    time.sleep(60)
"""


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "gone"


def _wait_until_armed(pid: int) -> None:
    """setpriv arms the signal and becomes the program: from then on the promise holds."""
    end = time.monotonic() + 10
    while Path(f"/proc/{pid}/comm").read_text().strip() != "sleep" and time.monotonic() < end:
        time.sleep(0.01)


@pytest.mark.parametrize("death_signal", ["KILL", "QUIT"])
def test_children_of_a_killed_process_die_with_it(death_signal):
    """SIGKILL leaves no time for cleaning up: the kernel does it."""
    argv = (sys.executable, "-c", PARENT, death_signal)
    parent = subprocess.Popen(argv, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.stdout.close()
    _wait_until_armed(child)
    assert _state(child) in "SR"

    parent.send_signal(signal.SIGKILL)
    parent.wait()

    end = time.monotonic() + 3
    while _state(child) not in ("gone", "Z") and time.monotonic() < end:
        time.sleep(0.01)
    assert _state(child) in ("gone", "Z")
