"""Where drills put their copies: removed again whatever was restored into them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from dr.catalog.manifest import Level
from dr.errors import BackupInvalid
from dr.operations.component.drill.failures import told
from dr.operations.drill.faults import fault
from dr.policy.drill_verdict import Answer

ROOT = Path(__file__).parents[3]
REMOVING = """
import os, sys
from pathlib import Path
from dr.operations.drill import place
if os.geteuid() == 0:
    os.setuid(65534)
copy = Path(sys.argv[1]) / "1_a" / "data"
locked = copy / "uploads" / "locked"
(locked / "inner").mkdir(parents=True)
(locked / "inner" / "file").write_text("x")
(locked / "away").symlink_to(sys.argv[2])
for directory in (locked / "inner", locked, copy / "uploads"):
    directory.chmod(0o000 if directory == locked else 0o500)
place.remove(copy)
print(os.listdir(sys.argv[1]), oct(os.stat(sys.argv[2]).st_mode & 0o777))
"""


def test_directories_that_nobody_may_write_to_are_removed_too_and_what_links_point_to_is_left_alone() -> None:
    """Run as an ordinary user: root is asked for no permission."""
    with tempfile.TemporaryDirectory() as own, tempfile.TemporaryDirectory() as other:
        Path(other).chmod(0o755)
        Path(own).chmod(0o777)
        if os.geteuid() == 0:
            os.chown(other, 65534, -1)
        done = subprocess.run(
            (sys.executable, "-c", REMOVING, own, other),
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )

    assert done.stdout.strip() == "[] 0o755", done.stderr


@pytest.mark.incident("I27")
@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (OSError(28, "No space left on device", "/copy/file"), Answer.UNPROVEN),
        (PermissionError(13, "Permission denied", "/copy/file"), Answer.UNPROVEN),
        (OSError(24, "Too many open files"), Answer.UNPROVEN),
        (FileNotFoundError(2, "No such file or directory", "/copy/index"), Answer.FAILED),
    ],
)
def test_what_the_file_system_says_is_this_hosts_fault_or_the_copys(error: OSError, answer: Answer) -> None:
    """A full disk says nothing of a backup; a file that should have been in it does."""
    with pytest.raises(BackupInvalid) as caught, told(Path("/copy")):
        raise error

    assert fault("restore", caught.value, Level.RESTORED).answer is answer
