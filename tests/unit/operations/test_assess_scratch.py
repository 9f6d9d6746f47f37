"""What a killed assessment leaves behind is gone after the next one; what anybody may still need is not."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from dr.operations.assess.scratch import scratch_directory
from dr.pipeline.process_table import process_start

LONG_AGO = time.time() - 3600


@pytest.fixture
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files lie."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left(parent: Path, owner: str, when: float = LONG_AGO) -> Path:
    """The directory of an assessment, with a key in it."""
    directory = parent / f"dr-assess-{len(list(parent.iterdir()))}"
    (directory / "dr-gpg-1").mkdir(parents=True)
    if owner:
        (directory / "owner").write_text(owner)
    (directory / "dr-gpg-1" / "secret.key").write_text("a secret key")
    os.utime(directory, (when, when))
    return directory


def test_it_is_for_its_owner_alone_and_says_whose_it_is(parent):
    """The next one has to know whether the owner lives."""
    made = scratch_directory()

    assert made.parent == parent
    assert (made / "owner").read_text() == f"{os.getpid()} {process_start(os.getpid())}"
    assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_what_was_killed_is_tidied_up_after(parent):
    """Its process has ended, or its number is somebody else's by now, or it was too early to say."""
    ended = subprocess.Popen((sys.executable, "-c", ""))
    ended.wait()
    gone = [left(parent, f"{ended.pid} 4711"), left(parent, f"{os.getpid()} 1"), left(parent, "")]
    scratch_directory()

    assert not any(directory.exists() for directory in gone)


def test_what_may_still_be_needed_stays(parent):
    """The owner lives; it has only just been used, perhaps by a process that is not seen from here; it is another's."""
    elsewhere = parent / "elsewhere"
    elsewhere.mkdir()
    link = parent / "dr-assess-link"
    link.symlink_to(elsewhere)
    kept = [
        left(parent, f"{os.getpid()} {process_start(os.getpid())}"),
        left(parent, f"{os.getpid()} 2", time.time()),
        elsewhere,
        link,
    ]
    os.utime(link, (LONG_AGO, LONG_AGO), follow_symlinks=False)
    scratch_directory()

    assert all(directory.exists() for directory in kept)
