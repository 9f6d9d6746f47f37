"""An OpenPGP key pair made for one demo and gone with it.

Its home is a short path in the system's temporary directory, because a socket's path may have 107 bytes. We start the
agent ourselves: one that gpg starts on demand would outlive a killed demo. An agent always leaves its parent, but one
that was given a command ends a few seconds after that command, and ours is a ``cat`` that lives as long as we do.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dr.crypto.gnupg import program, stop_agent
from dr.errors import ToolError
from dr.pipeline.process import Child, run

_PARAMETERS = """\
Key-Type: eddsa
Key-Curve: ed25519
Key-Usage: sign
Subkey-Type: ecdh
Subkey-Curve: cv25519
Subkey-Usage: encrypt
Name-Real: CoreFlow360 demo
Expire-Date: 0
%no-protection
%commit
"""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A home of GnuPG with one key in it that needs no passphrase."""

    home: Path
    fingerprint: str


@contextmanager
def key_pair() -> Iterator[KeyPair]:
    """Make the pair; afterwards the agent is stopped and the home removed."""
    home = Path(tempfile.mkdtemp(prefix="dr-key-"))
    try:
        with _agent(home):
            try:
                yield KeyPair(home, _generate(home))
            finally:
                stop_agent(home)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _agent(home: Path) -> Iterator[None]:
    found = shutil.which("gpg-agent")
    if found is None:
        raise ToolError("gpg-agent is not installed", hint="Install it: apt-get install gpg-agent.")
    argv = (found, "--homedir", home, "--quiet", "--daemon", "cat")
    with Child("gpg-agent", argv, stdin=subprocess.PIPE) as child:
        deadline = time.monotonic() + 10
        while not _answers(home):
            if child.poll() is not None or time.monotonic() > deadline:
                raise ToolError(
                    "gpg-agent does not start", detail=child.stderr_so_far().strip(), hint="Run it by hand."
                )
            time.sleep(0.02)
        yield


def _answers(home: Path) -> bool:
    ended, _ = run(
        "gpg-connect-agent",
        ("gpg-connect-agent", "--homedir", home, "--no-autostart", "GETINFO pid", "/bye"),
        deadline_seconds=10,
    )
    return ended.ok and "no running" not in ended.stderr


def _generate(home: Path) -> str:
    parameters = home / "parameters"
    parameters.write_text(_PARAMETERS, encoding="utf-8")
    argv = (program(), "--homedir", home, "--batch", "--no-tty", "--status-fd", "2", "--generate-key", parameters)
    ended, _ = run("gpg --generate-key", argv, deadline_seconds=60)
    made = [line.split()[3] for line in ended.stderr.splitlines() if line.startswith("[GNUPG:] KEY_CREATED")]
    if not ended.ok or len(made) != 1:
        raise ToolError("gpg makes no key", detail=str(ended), hint="GnuPG 2.2 or newer is needed.")
    return made[0]
