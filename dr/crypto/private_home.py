"""A home for gpg that lives as long as the process that made it: it holds a secret key.

A process that is killed leaves its home behind, and the agent that serves it. Whoever makes the next one on this host
removes it: that its maker has died is seen by a lock that the kernel lets go of, whatever its number or namespace was.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dr.errors import ToolError
from dr.pipeline.process import run

_PREFIX = "dr-gpg-"
_LOCK = ".held"
# The key is protected anew in here by a passphrase that lies on this host as well. To derive its key takes gpg a tenth
# of a second and more by default, for each object that is decrypted: minutes of a recovery, for nothing.
_AGENT = "ignore-invalid-option s2k-count\ns2k-count 65536\n"


@contextmanager
def private_home() -> Iterator[Path]:
    """An empty home below the system's temporary directory: the agent's socket needs a short path. It is removed."""
    _remove_abandoned()
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as directory:
        home = Path(directory)
        descriptor = _hold(home)
        try:
            (home / "gpg-agent.conf").write_text(_AGENT, encoding="ascii")
            yield home
        finally:
            stop_agent(home)
            os.close(descriptor)


def stop_agent(home: Path) -> None:
    """End the agent of a key ring of ours; left alone it would outlive the directory it serves."""
    gpgconf = shutil.which("gpgconf")
    if gpgconf is not None:
        with contextlib.suppress(ToolError):
            run("gpgconf --kill", (gpgconf, "--homedir", str(home), "--kill", "all"), deadline_seconds=20)


def _hold(home: Path) -> int:
    # It is held before it has its name: one that nobody holds is an abandoned one's.
    descriptor, name = tempfile.mkstemp(dir=home)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    Path(name).rename(home / _LOCK)
    return descriptor


def _remove_abandoned() -> None:
    for home in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # it is another account's, or another process removes it right now
            descriptor = os.open(home / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                stop_agent(home)
                shutil.rmtree(home)
            finally:
                os.close(descriptor)
