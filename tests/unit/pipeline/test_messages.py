"""What a child says on its standard error is kept: whole when it is short, head and tail when it is long."""

from __future__ import annotations

import time

import pytest

from dr.pipeline.messages import DROPPED
from dr.pipeline.process import Child


def test_head_and_tail_of_a_long_stderr_are_kept():
    """The first line says what began it, the last what ended it; a million lines between do not fill the memory."""
    script = (
        "echo 'the first line' >&2; yes 'noise noise noise' | head -c 3000000 >&2; echo 'the last line' >&2; exit 1"
    )
    with Child("step", ("sh", "-c", script)) as child:
        ended = child.wait(30)

    assert ended.stderr.startswith("the first line\n")
    assert ended.stderr.endswith("the last line\n")
    assert DROPPED in ended.stderr
    assert len(ended.stderr) < 256 * 1024


@pytest.mark.parametrize("size", [0, 10, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 100_000, 128 * 1024])
def test_a_stderr_of_ordinary_length_is_kept_whole(size):
    """Nothing is left out, nothing repeated, where the parts meet."""
    with Child("step", ("sh", "-c", f"seq 1 40000 | head -c {size} >&2")) as child:
        stderr = child.wait(10).stderr

    whole = "\n".join(map(str, range(1, 40_001)))[:size]
    assert stderr == whole


def test_stderr_can_be_read_while_the_child_runs():
    """How a starting server is watched."""
    with Child("step", ("sh", "-c", "echo 'redo done at 0/3' >&2; sleep 60")) as child:
        end = time.monotonic() + 5
        while "redo done" not in child.stderr_so_far() and time.monotonic() < end:
            time.sleep(0.01)
        assert child.stderr_so_far() == "redo done at 0/3\n"
        assert child.poll() is None


def test_stderr_that_is_no_text_is_told_all_the_same():
    """A server may speak Latin-1."""
    with Child("step", ("sh", "-c", r"printf 'caf\351' >&2; exit 1")) as child:
        assert child.wait(10).stderr == "caf\ufffd"
