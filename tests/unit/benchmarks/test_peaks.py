"""Peak memory is read from the kernel, of a process and of what it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from benchmarks.peaks import Watch, peak_of

FORTY_MEGABYTES = 40 << 20


def test_a_peak_stays_after_the_memory_was_given_back():
    """A sampled current size would miss it."""
    _, before = peak_of()
    block = bytearray(b"x") * (before + FORTY_MEGABYTES)
    del block

    assert peak_of()[1] >= before + FORTY_MEGABYTES


def test_what_a_child_starts_is_watched_under_its_own_name():
    """gpg and tar are children of our operation, which is a child of the comparison."""
    inner = f"x = bytearray(b'x') * {FORTY_MEGABYTES}; import time; time.sleep(20)"
    middle = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {middle!r}])"
    with subprocess.Popen((sys.executable, "-c", outer), start_new_session=True) as process:
        with Watch(process.pid) as watch:
            end = time.monotonic() + 15
            while not any(peak > FORTY_MEGABYTES for peak in watch.peaks.values()) and time.monotonic() < end:
                time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)

    assert max(watch.peaks.values()) > FORTY_MEGABYTES


def test_a_process_that_has_gone_has_no_peak():
    """Sampling races with the end of what is sampled."""
    with subprocess.Popen(("true",)) as process:
        pass

    assert peak_of(process.pid) == ("", 0)
