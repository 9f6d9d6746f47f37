"""A holder that can be seen to be dead, on this host, is not waited for (I25)."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from dr.errors import LeaseHeld
from dr.storage.lease import Holder, Lease, acquire
from dr.storage.protocol import Store
from tests.contracts.children import PREFIX, child, said, tell
from tests.contracts.conftest import Subject

pytestmark = pytest.mark.incident("I25")


def _acquire(store: Store, run: str) -> Lease:
    return acquire(store, PREFIX, Holder.here(run, "backup"), settle=timedelta(seconds=0.5))


def test_a_holder_that_can_be_seen_to_be_dead_does_not_hold_up_the_next_run(place: Subject) -> None:
    """After kill -9 on this host the same command works at once: nobody waits two minutes for a recovery."""
    with child(place.settings, "lease", "killed", "120") as process:
        assert said(process) == "ready"
        tell(process)
        assert said(process) == "won"
        with pytest.raises(LeaseHeld, match="backup run killed"):
            _acquire(place.store, "too early")
        process.kill()
        process.wait()

    with _acquire(place.store, "next") as lease:
        lease.check()


def test_a_pid_that_is_another_process_now_is_no_living_holder() -> None:
    """After a crash its number may soon be somebody else's."""
    living = Holder.here("run", "backup")

    assert not living.is_dead
    assert replace(living, begun="1").is_dead
    assert not replace(living, begun="1", place="another boot").is_dead
    assert not replace(living, begun="1", place="").is_dead


_HIDDEN = """
import os, sys
from dataclasses import replace
from dr.storage.lease import Holder
pid, begun = int(sys.argv[1]), sys.argv[2]
mine = Holder.here("run", "backup")
os.setresuid(65534, 65534, 65534)
there = replace(mine, pid=pid, begun=begun)
print(there.is_dead, replace(there, pid=2**22 - 1).is_dead)
"""


@pytest.mark.parametrize("option", ["hidepid=1", "hidepid=2"])
def test_a_process_that_the_system_hides_is_not_taken_for_dead(option: str) -> None:
    """Hardened hosts show nobody another user's processes: the living keep their lease, the dead still lose it."""
    if os.geteuid() != 0:
        pytest.skip("not applicable: only root can mount /proc anew")
    living = Holder.here("run", "backup")
    mount = f"mount -t proc -o remount,{option} proc /proc 2>/dev/null || mount -t proc -o {option} proc /proc"
    script = f'{mount}; exec "$0" -c "$1" "$2" "$3"'
    argv = ("unshare", "--mount", "sh", "-c", script, sys.executable, _HIDDEN, str(living.pid), living.begun)

    answer = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])

    assert answer.stdout.split() == ["False", "True"]
